"""What an attack found, for a table, a page or a file: its curves, what a thief gets without asking, what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moatkeeper.redteam.cards import Modality
from moatkeeper.redteam.curve import LEVELS, Curve, Interval, Reached, interval
from moatkeeper.redteam.harness import FIDELITY, Score


@dataclass(frozen=True, slots=True)
class Findings:
    """One attack on one model, bare or behind defences: a curve for each, named by its ``victim``.

    ``baselines`` are the fidelities of copies that were made without asking. ``fidelity_means`` says in a sentence what was
    counted. ``unmeasured`` are sentences on what these figures do not say.
    """

    attack: str
    modality: Modality
    source: str
    target: str
    curves: tuple[Curve, ...]
    held_out: int
    fidelity_means: str
    baselines: Mapping[str, float] = field(default_factory=dict)
    unmeasured: tuple[str, ...] = ()
    interrupted: bool = False
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Rung:
    """The scores of all seeds that climbed to one budget."""

    budget: int
    scores: tuple[Score, ...]
    money: Interval

    @property
    def queries(self) -> Interval:
        """Answered questions."""
        return interval([score.queries for score in self.scores])

    def figure(self, name: str = FIDELITY) -> Interval | None:
        """A figure over seeds; None where not every seed has it."""
        values = [score.figures[name] for score in self.scores if name in score.figures]
        return interval(values) if len(values) == len(self.scores) else None


@dataclass(frozen=True, slots=True)
class Price:
    """What a level costs: the seeds that reached it, out of how many, and the means of what they had paid by then."""

    level: float
    reached: int
    seeds: int
    queries: Interval | None
    money: Interval | None
    days: Interval | None
    accounts: Interval | None


def rungs_of(curve: Curve) -> tuple[Rung, ...]:
    """Every budget that at least one seed climbed to; an interrupted run has fewer seeds on its higher rungs."""
    budgets = sorted({score.budget for scores in curve.scores for score in scores})
    found = []
    for budget in budgets:
        scores = tuple(score for mine in curve.scores for score in mine if score.budget == budget)
        found.append(Rung(budget, scores, interval([curve.prices.total(score.queries, score.spent) for score in scores])))
    return tuple(found)


def prices_of(curve: Curve) -> tuple[Price, ...]:
    """The price of a copy at each of LEVELS, over the seeds that reached it."""
    return tuple(_price(level, curve.reached(level)) for level in LEVELS)


def best(curve: Curve) -> Interval | None:
    """The fidelity on the highest rung; None where nothing was scored."""
    rungs = rungs_of(curve)
    return rungs[-1].figure() if rungs else None


def _price(level: float, reached: tuple[Reached | None, ...]) -> Price:
    there = [one for one in reached if one is not None]
    if not there:
        return Price(level, 0, len(reached), None, None, None, None)
    return Price(
        level,
        len(there),
        len(reached),
        interval([one.queries for one in there]),
        interval([one.money for one in there]),
        interval([one.days for one in there]),
        interval([one.accounts for one in there]),
    )
