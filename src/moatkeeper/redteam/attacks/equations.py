"""Equation solving: the log-odds of a logistic regression are linear in its input, so d+1 answers give all its weights.

Tramèr et al. 2016, section 4.1. Deviations: any number of classes needs d+1 answers only, since the centred logarithms of a
softmax are linear as well (the paper asks c(d+1) and runs a solver); a regression's values are solved for in the same way.
And where the answers contradict every softmax, because they are rounded, noisy, labels or another model's, the copy falls back
on the most likely linear one: see attacks/likelihood.py.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Record, carry_out, in_one_go, pool_rows, uniform_rows
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.likelihoods import most_likely
from moatkeeper.redteam.linear import solve_softmax, solve_values, uninformed
from moatkeeper.redteam.precision import precision_of

CONSISTENT = 1e-5
"""How far a solved model's scores may be from answers that count as exact; 32-bit floats and their logarithms stay below it."""


class Equations:
    """Asks rows that are drawn uniformly between the documented ranges, as the paper does."""

    name: ClassVar[str] = "equations"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The model that fits at most ``budget`` answers; ``exact`` in its findings is 1 where they contradict nothing."""
        record = carry_out(in_one_go(self._questions(budget, rng)), victim, budget, self._knowledge)
        if self._knowledge.regression or self._knowledge.outputs == 1:
            return Loot(solve_values(record.rows, record.answers) if len(record.rows) else uninformed(1))
        copy = exact_copy(record)
        if copy is not None:
            return Loot(copy, {"exact": 1.0})
        return Loot(most_likely(record.rows, record.answers), {"exact": 0.0})

    def _questions(self, budget: int, rng: np.random.Generator) -> FloatArray:
        return uniform_rows(self._knowledge, rng, budget)


class PoolEquations(Equations):
    """Asks rows of the thief's own in random order, at most as many as he has: nothing sets them apart from custom."""

    name: ClassVar[str] = "equations-pool"

    def _questions(self, budget: int, rng: np.random.Generator) -> FloatArray:
        return pool_rows(self._knowledge, rng)[:budget]


def exact_copy(record: Record) -> Surrogate | None:
    """The softmax behind exact answers; None where they are not exact, or no softmax gives them."""
    if len(record.rows) == 0 or not precision_of(record.answers).exact or np.any(record.answers < 0):
        return None
    copy = solve_softmax(record.rows, record.answers)
    gap = np.abs(copy.scores(record.rows) - record.answers).max()
    return copy if gap < CONSISTENT else None
