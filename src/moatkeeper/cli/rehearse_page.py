"""A rehearsal on the page that shows thefts to people: one curve a guard and thief, and in words what else was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from moatkeeper.demo.credit import HELD_OUT_ROWS
from moatkeeper.redteam.cards import Modality
from moatkeeper.redteam.curve import interval
from moatkeeper.redteam.findings import Findings
from moatkeeper.redteam.rehearsal import Rehearsal
from moatkeeper.redteam.rehearsal_cells import cells
from moatkeeper.report.attack_page import as_page


def page_of(rehearsals: Sequence[Rehearsal]) -> str:
    """The whole page; where nothing was scored, it says so."""
    compared = cells(rehearsals)
    first = rehearsals[0]
    methods = sorted({cell.curve.attack for cell in compared})
    without = [campaign.without_api.fidelity for rehearsal in rehearsals for campaign in rehearsal.campaigns[:1]]
    plan = first.plan
    return as_page(
        Findings(
            attack=", ".join(methods) or "nobody",
            modality=Modality.TABULAR,
            source="a rehearsed campaign",
            target=f"{first.scene}, {plan.days:g} days among {len(plan.population.customers):,} honest accounts",
            curves=tuple(replace(cell.curve, victim=f"{cell.guard}: {cell.curve.victim}") for cell in compared),
            held_out=HELD_OUT_ROWS,
            fidelity_means="share of held-out rows on which the copy decides as the model does",
            baselines={"outcomes of the thief's own": interval(without).mean} if without else {},
            unmeasured=tuple(_words(rehearsals)),
            interrupted=not all(rehearsal.whole for rehearsal in rehearsals),
        )
    )


def _words(rehearsals: Sequence[Rehearsal]) -> Iterator[str]:
    """What the curves do not say: who was noticed, and what honest customers met with."""
    for rehearsal in rehearsals:
        for campaign in rehearsal.campaigns:
            harm, noticed = campaign.harm, campaign.notices
            hostile = sum(notice.hostile for notice in noticed)
            told = (
                f"{hostile:,} thieves' and {len(noticed) - hostile:,} honest standings changed" if noticed else "nobody noticed"
            )
            yield (
                f"{campaign.guard}, seed {rehearsal.seed}: {told}; {harm.refused_rows:,} of {harm.rows:,} honest rows were "
                f"refused, {harm.touched:,} of {harm.customers:,} customers at least once, and {harm.labels_changed:,} labels "
                "changed."
            )
    yield "Customers' calls follow real traces, their rows are real, and the join of both is an assumption."
