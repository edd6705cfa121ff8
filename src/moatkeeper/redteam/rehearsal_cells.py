"""What a guard was worth against a thief over all seeds: one cell of the comparison, with its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moatkeeper.redteam.campaign_findings import Campaign, Theft
from moatkeeper.redteam.curve import Curve, Interval, interval
from moatkeeper.redteam.rehearsal import Rehearsal


@dataclass(frozen=True, slots=True)
class Cell:
    """One thief before one guard. ``refused`` is the share of honest rows that this guard refused, in [0, 1]."""

    guard: str
    curve: Curve
    best: Interval  # fidelity of the best copy of each seed
    time: Interval  # days
    refused: Interval


def cells(rehearsals: Sequence[Rehearsal]) -> tuple[Cell, ...]:
    """All guards and thieves of which every seed has a scored copy, in the order of the campaign."""
    found: list[Cell] = []
    first = rehearsals[0] if rehearsals else None
    for place, campaign in enumerate(first.campaigns if first is not None else ()):
        repeated = [rehearsal.campaigns[place] for rehearsal in rehearsals if len(rehearsal.campaigns) > place]
        for number in range(len(campaign.thefts)):
            thefts = [one.thefts[number] for one in repeated]
            if len(repeated) == len(rehearsals) and all(theft.scores for theft in thefts):
                found.append(_cell(rehearsals[0], repeated, thefts))
    return tuple(found)


def _cell(first: Rehearsal, campaigns: Sequence[Campaign], thefts: Sequence[Theft]) -> Cell:
    thief = thefts[0].thief
    return Cell(
        guard=campaigns[0].guard,
        curve=Curve(thief.method, thief.name, tuple(theft.scores for theft in thefts), first.plan.prices),
        best=interval([max(score.fidelity for score in theft.scores) for theft in thefts]),
        time=interval([theft.spent.days for theft in thefts]),
        refused=interval([refused_share(campaign) for campaign in campaigns]),
    )


def refused_share(campaign: Campaign) -> float:
    """The share of honest rows that were refused; 0 where there were none."""
    return campaign.harm.refused_rows / campaign.harm.rows if campaign.harm.rows else 0.0
