"""A theft over several seeds: fidelity with its interval at each budget, and the price at which a level is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.harness import Score

LEVELS = (0.80, 0.90, 0.92, 0.95, 0.99)
"""The fidelities whose price is told; 0.92 is the one that the article reports of a real theft."""

RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the 95 % bootstrap interval over seeds around it; all three are equal where there was one seed."""

    mean: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, slots=True)
class Reached:
    """The first rung at which a seed's copy had a fidelity: what it had asked and paid by then.

    The true price lies between the rung before and this one, so this is an upper bound, and every figure is one that was
    really run.
    """

    queries: int
    money: float
    days: float
    accounts: int
    refused: int


@dataclass(frozen=True, slots=True)
class Curve:
    """The scores of one attack on one victim, a tuple a seed; each seed's budgets grow."""

    attack: str
    victim: str
    scores: tuple[tuple[Score, ...], ...]
    prices: PriceList

    @property
    def budgets(self) -> tuple[int, ...]:
        """The budgets that every seed climbed to."""
        shortest = min(self.scores, key=len)
        return tuple(score.budget for score in shortest)

    def figure(self, name: str, rung: int) -> Interval:
        """A figure at one rung, over seeds; -1 is the last that every seed reached; raises KeyError where no judge gave it."""
        index = rung if rung >= 0 else len(self.budgets) + rung
        return interval([scores[index].figures[name] for scores in self.scores])

    def reached(self, level: float) -> tuple[Reached | None, ...]:
        """For each seed the price of a fidelity of ``level``; None where its budget did not buy one."""
        return tuple(self._reached(scores, level) for scores in self.scores)

    def _reached(self, scores: Sequence[Score], level: float) -> Reached | None:
        for score in scores:
            if score.fidelity >= level:
                spent = score.spent
                money = self.prices.total(score.queries, spent)
                return Reached(score.queries, money, spent.days, spent.accounts, spent.refused)
        return None


def interval(values: Sequence[float]) -> Interval:
    """The mean and its percentile-bootstrap interval (Efron 1979), drawn with a seed of its own."""
    array = np.asarray(values, dtype=np.float64)
    if len(array) == 1:
        return Interval(float(array[0]), float(array[0]), float(array[0]), 1)
    draws = np.random.default_rng(len(array)).integers(len(array), size=(RESAMPLES, len(array)))
    means = array[draws].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(array.mean()), float(low), float(high), len(array))
