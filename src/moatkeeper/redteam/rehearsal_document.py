"""A rehearsal as a document for machines: plain values only, and the same for equal seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from moatkeeper.redteam.campaign_findings import Campaign, Notice, Refusals, Theft
from moatkeeper.redteam.curve import LEVELS, Curve
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.harm import Harm
from moatkeeper.redteam.harness import FIDELITY, Score
from moatkeeper.redteam.rehearsal import Rehearsal
from moatkeeper.redteam.rehearsal_cells import Cell, cells

VERSION = 1


def document(rehearsals: Sequence[Rehearsal]) -> Mapping[str, object]:
    """Everything that was measured; what took real time is not in it, so that equal seeds give equal bytes."""
    return {
        "format": "moatkeeper-rehearsal",
        "version": VERSION,
        "seeds": [rehearsal.seed for rehearsal in rehearsals],
        "whole": all(rehearsal.whole for rehearsal in rehearsals),
        "repetitions": [_repetition(rehearsal) for rehearsal in rehearsals],
        "over_seeds": [_over_seeds(cell) for cell in cells(rehearsals)],
    }


def _repetition(rehearsal: Rehearsal) -> Mapping[str, object]:
    plan = rehearsal.plan
    return {
        "seed": rehearsal.seed,
        "model": rehearsal.scene,
        "days": plan.days,
        "honest_customers": len(plan.population.customers),
        "honest_requests": len(plan.population.times),
        "prices": asdict(plan.prices),
        "whole": rehearsal.whole,
        "guards_planned": list(rehearsal.planned),
        "guards": [campaign_document(campaign, plan.prices) for campaign in rehearsal.campaigns],
    }


def campaign_document(campaign: Campaign, prices: PriceList) -> Mapping[str, object]:
    """What was measured before one guard."""
    return {
        "name": campaign.guard,
        "days": campaign.days,
        "whole": campaign.whole,
        "requests": campaign.requests,
        "without_api": dict(campaign.without_api.figures),
        "thieves": [_theft(theft, prices) for theft in campaign.thefts],
        "noticed": [_notice(notice) for notice in campaign.notices],
        "honest": {
            "total": _harm(campaign.harm),
            "by_kind": {name: _harm(harm) for name, harm in campaign.harm_by_kind.items()},
            "by_tier": {name: _harm(harm) for name, harm in campaign.harm_by_tier.items()},
            "refusals": _refusals(campaign.honest_refusals),
        },
    }


def _over_seeds(cell: Cell) -> Mapping[str, object]:
    return {
        "guard": cell.guard,
        "thief": cell.curve.victim,
        "seeds": len(cell.curve.scores),
        "best_fidelity": asdict(cell.best),
        "rungs": [
            {"budget": budget, "fidelity": asdict(cell.curve.figure(FIDELITY, rung))}
            for rung, budget in enumerate(cell.curve.budgets)
        ],
        "price_of": {
            f"{level:.2f}": [asdict(found) if found is not None else None for found in cell.curve.reached(level)]
            for level in LEVELS
        },
        "honest_rows_refused": asdict(cell.refused),
    }


def _theft(theft: Theft, prices: PriceList) -> Mapping[str, object]:
    thief = theft.thief
    return {
        "name": thief.name,
        "attack": thief.attack,
        "tactics": list(thief.tactics),
        "accounts": thief.crew.accounts,
        "proxies": thief.crew.proxies,
        "identity": thief.crew.basis.value,
        "tier": thief.crew.tier,
        "timing": thief.crew.timing.value,
        "allocation": thief.crew.allocation.value,
        "rows": theft.rows,
        "money": theft.money,
        "days": theft.spent.days,
        "spent": asdict(theft.spent),
        "ended": theft.ended,
        "first_refusal_day": theft.first_refusal_day,
        "refusals": _refusals(theft.refusals),
        "scores": [_score(score, prices) for score in theft.scores],
        "price_of": {f"{level:.2f}": _reached(theft, level, prices) for level in LEVELS},
    }


def _score(score: Score, prices: PriceList) -> Mapping[str, object]:
    return {
        "budget": score.budget,
        "rows": score.queries,
        "unanswered": score.unanswered,
        "money": prices.total(score.queries, score.spent),
        "days": score.spent.days,
        "accounts": score.spent.accounts,
        "proxies": score.spent.proxies,
        "refused_requests": score.spent.refused,
        "figures": dict(score.figures),
        "ended": score.ended,
    }


def _reached(theft: Theft, level: float, prices: PriceList) -> Mapping[str, object] | None:
    """What a copy of that fidelity had cost; None where the thief did not get one."""
    curve = Curve(theft.thief.attack, theft.thief.name, (theft.scores,), prices)
    found = curve.reached(level)[0]
    return asdict(found) if found is not None else None


def _notice(notice: Notice) -> Mapping[str, object]:
    return {**asdict(notice), "before": notice.before.value, "after": notice.after.value}


def _harm(harm: Harm) -> Mapping[str, object]:
    return asdict(harm)


def _refusals(refusals: Refusals) -> Mapping[str, object]:
    return {name: {"requests": refusals.requests[name], "rows": rows} for name, rows in refusals.rows.items()}
