"""What one run found, as JSON for machines and as a table and plain words for people."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from textwrap import fill, wrap

from moatkeeper.demo.run import Findings
from moatkeeper.demo.theft import PRICE_PER_ROW_USD, Campaign, mean_fidelity
from moatkeeper.redteam.harness import Score

PACKAGES = ("moatkeeper", "numpy", "scikit-learn", "uvicorn")
TITLE_WIDTH = 20
CELL_WIDTH = 13
PARAGRAPH_WIDTH = 100


def as_json(findings: Findings) -> Mapping[str, object]:
    """The figures, ready for ``json.dumps``; docs/tutorial/demo.md says what each means."""
    story, strongest = findings.guarded[0], _strongest(findings)
    return {
        "queries": findings.plan.budget,
        "bare": _campaign_json(findings.bare),
        "guarded": {
            **_campaign_json(story),
            "thief": story.thief.id,
            "strongest": {"thief": strongest.thief.id, "fidelity": strongest.fidelity, "queries": strongest.queries},
            "thieves": {campaign.thief.id: _campaign_json(campaign) for campaign in findings.guarded},
        },
        "linear": {"bare": _campaign_json(findings.linear_bare), "guarded": _campaign_json(findings.linear_guarded)},
        "without_api": asdict(findings.without_api),
        "honest": {**asdict(findings.honest), "added_latency_p50_ms": findings.honest.added_latency_p50_ms},
        "model": {"accuracy": findings.model_accuracy, "held_out_rows": findings.held_out_rows},
        "rungs": list(findings.plan.rungs),
        "seeds": {"split": findings.plan.seed, "thieves": list(findings.plan.seeds)},
        "prices": {"per_row_usd": PRICE_PER_ROW_USD, "assumed": True},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }


def as_text(findings: Findings) -> str:
    """The table, what honest customers noticed, and what all this does not stop."""
    sections = (_theft_table(findings), _linear(findings), _honest(findings), _limits_of_it(findings))
    return "\n\n".join(sections)


def _campaign_json(campaign: Campaign) -> dict[str, object]:
    return {
        "fidelity": campaign.fidelity,
        "queries": campaign.queries,
        "price_usd": campaign.price_usd,
        "hours_for_all_queries": campaign.hours_for(campaign.at(-1)[0].budget),
        "ladder": [_rung_json(campaign.at(index)) for index in range(len(campaign.scores[0]))],
    }


def _rung_json(scores: tuple[Score, ...]) -> dict[str, object]:
    return {
        "budget": scores[0].budget,
        "fidelity": mean_fidelity(scores),
        "fidelity_lowest": min(score.fidelity for score in scores),
        "fidelity_highest": max(score.fidelity for score in scores),
        "repetitions": [_score_json(score) for score in scores],
    }


def _strongest(findings: Findings) -> Campaign:
    return max(findings.guarded, key=lambda campaign: campaign.fidelity)


def _theft_table(findings: Findings) -> str:
    campaigns = (findings.bare, *findings.guarded)
    plan = findings.plan
    return "\n".join(
        (
            f"THEFT of a credit model: share of {findings.held_out_rows:,} held-out clients on whom copy and model agree",
            f"(mean of {plan.repetitions} thieves, each with other rows; '-': refused for the rest of the hour)",
            "",
            *_heading("rows asked", [campaign.thief.title for campaign in campaigns]),
            *(
                _line(f"{budget:,}", *(_cell(campaign.at(index)) for campaign in campaigns))
                for index, budget in enumerate(plan.rungs)
            ),
            "",
            _line("copy after an hour", *(f"{campaign.fidelity:.3f}" for campaign in campaigns)),
            _line("rows answered", *(f"{campaign.queries:,}" for campaign in campaigns)),
            _line("price of them, USD", *(f"{campaign.price_usd:.3f}" for campaign in campaigns)),
            _line(f"hours for {plan.budget:,}", *(_hours(campaign, plan.budget) for campaign in campaigns)),
            "",
            _without_api(findings),
        )
    )


def _heading(title: str, titles: Sequence[str]) -> list[str]:
    """As many lines as the longest title needs, the words of each at the bottom of its column."""
    wrapped = [wrap(words, CELL_WIDTH - 2) for words in titles]
    height = max(len(words) for words in wrapped)
    padded = [[""] * (height - len(words)) + words for words in wrapped]
    return [_line(title if row == height - 1 else "", *(words[row] for words in padded)) for row in range(height)]


def _line(title: str, *cells: str) -> str:
    return f"{title:>{TITLE_WIDTH}}" + "".join(f"{cell:>{CELL_WIDTH}}" for cell in cells)


def _score_json(score: Score) -> dict[str, object]:
    counts = {"budget": score.budget, "queries": score.queries, "unanswered": score.unanswered}
    return counts | dict(score.figures)


def _cell(scores: tuple[Score, ...]) -> str:
    return f"{mean_fidelity(scores):.3f}" if all(score.in_full for score in scores) else "-"


def _hours(campaign: Campaign, rows: int) -> str:
    hours = campaign.hours_for(rows)
    return f"{hours:.0f}" if hours else "under 1"


def _wait(campaign: Campaign, rows: int) -> str:
    hours = campaign.hours_for(rows)
    return {0.0: "less than an hour", 1.0: "an hour"}.get(hours, f"{hours:.0f} hours")


def _without_api(findings: Findings) -> str:
    without = findings.without_api
    return _paragraph(
        f"No API at all: {without.constant_fidelity:.3f} by always saying the same, {without.own_outcomes_fidelity:.3f} by"
        f" learning from {without.own_outcomes} outcomes of one's own. Assumed price: {PRICE_PER_ROW_USD} USD a row. Hours are"
        " computed from the limits, not waited for."
    )


def _linear(findings: Findings) -> str:
    bare, guarded = findings.linear_bare, findings.linear_guarded
    few, many = bare.at(0)[0].budget, bare.at(-1)[0].budget
    return _paragraph(
        f"The logistic regression that the trees replaced is solved, not learned: after {few} answers the copy agrees on"
        f" {mean_fidelity(bare.at(0)):.3f} bare and on {mean_fidelity(guarded.at(0)):.3f} through two decimals; after {many}"
        f" (a free account's hour) on {mean_fidelity(bare.at(-1)):.3f} and on {mean_fidelity(guarded.at(-1)):.3f}."
    )


def _honest(findings: Findings) -> str:
    honest = findings.honest
    return "\n".join(
        (
            f"HONEST CUSTOMERS: {honest.accounts} accounts, {honest.rows:,} rows, each asked bare and guarded",
            "",
            f"{'refused':>{TITLE_WIDTH}}  {honest.refused:,} rows",
            f"{'decisions changed':>{TITLE_WIDTH}}  {honest.labels_changed:,}",
            f"{'probability moved':>{TITLE_WIDTH}}  {honest.mean_difference:.4f} on average,"
            f" {honest.largest_difference:.4f} at most",
            f"{'added latency':>{TITLE_WIDTH}}  {honest.added_latency_p50_ms:.2f} ms to {honest.bare_latency_p50_ms:.2f} ms"
            " (medians of one-row requests)",
            "",
            "Each asks within what its tier is sold; one who asks for more is refused as a thief is.",
        )
    )


def _limits_of_it(findings: Findings) -> str:
    bare, (one, farm, buyer, labels) = findings.bare, findings.guarded
    budget = findings.plan.budget
    return "WHAT THIS DOES NOT STOP\n\n" + _paragraph(
        f"Two decimals are no defence against this theft: from {buyer.queries:,} rounded answers the copy agrees on"
        f" {buyer.fidelity:.3f}, from as many exact ones on {bare.fidelity:.3f}. Decisions alone, the least an API can say,"
        f" still give {labels.fidelity:.3f}. Limits buy time, not safety: the first hour of one free account is worth"
        f" {one.fidelity:.3f}, of {farm.thief.title} {farm.fidelity:.3f}, and to wait is free: all {budget:,} rows take"
        f" {_wait(one, budget)} with one account, {_wait(farm, budget)} with {farm.thief.title}. The thieves here ask"
        " rows that any customer might ask, and no limit tells one from the other. That takes what is not in this demo:"
        " patterns watched over accounts and weeks, marks that prove where a copy comes from, and terms that forbid it."
    )


def _paragraph(text: str) -> str:
    return fill(text, PARAGRAPH_WIDTH, break_on_hyphens=False)
