"""Jitter and average: copies of a question, moved a little each, so that noise keyed to its exact bytes averages away.

ModelGuard's smoothing attack (2024; three queries an image with crops and flips) with steps in the columns' own units instead,
so that it suits any row. Whole columns stay whole, and no column leaves its documented range. The first copy is the row itself.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.base import own_chance
from moatkeeper.redteam.adaptive.repeat import TIMES, mean_of_groups
from moatkeeper.redteam.base import Attack, Loot, RowVictim, S
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge

FRACTION = 0.01  # of each column's spread, at most, a copy; larger: defeats coarser keys, and blurs the answer


class JitterDoor:
    """Asks every row and its moved copies; the last within the budget as many as are left."""

    def __init__(
        self, victim: RowVictim, knowledge: RowKnowledge, steps: FloatArray, budget: int, times: int, rng: np.random.Generator
    ) -> None:
        self._victim = victim
        self._knowledge = knowledge
        self._steps = steps
        self._left = budget
        self._times = times
        self._rng = rng

    @property
    def spent(self) -> Expenses:
        """The victim's own count."""
        return self._victim.spent

    def ask(self, rows: FloatArray) -> FloatArray:
        """Means over the copies of each row."""
        copies = np.stack([self._copies(row) for row in rows]) if len(rows) else np.empty((0, self._times, rows.shape[1]))
        answers = self._victim.ask(copies.reshape(-1, rows.shape[1])[: self._left])
        self._left -= len(answers)
        return mean_of_groups(answers, self._times)

    def _copies(self, row: FloatArray) -> FloatArray:
        """Shape (times, d). Row by row, so that the chance of one does not depend on how many are asked at once."""
        moves = self._rng.uniform(-self._steps, self._steps, (self._times, len(row)))
        # A whole column moves by whole steps, seldom where its step is small: the expected move is the same.
        whole = np.floor(moves + self._rng.random(moves.shape))
        moves = np.where(self._knowledge.whole, whole, moves)
        moves[0] = 0.0
        return row + self._kept_inside(row, moves)

    def _kept_inside(self, row: FloatArray, moves: FloatArray) -> FloatArray:
        moved = row + moves
        inside = (moved >= self._knowledge.lowest) & (moved <= self._knowledge.highest)
        return cast(FloatArray, np.where(inside, moves, 0.0))


class Jitter:
    """Shows the attack the mean over ``times`` copies of each row, moved by at most ``fraction`` of a column's deviation."""

    name = "jitter"

    def __init__(self, knowledge: RowKnowledge, times: int = TIMES, fraction: float = FRACTION) -> None:
        if times < 1 or fraction < 0:
            raise UsageError(f"jitter takes times >= 1 and fraction >= 0; found {times} and {fraction}")
        self._knowledge = knowledge
        self._times = times
        pool = knowledge.pool
        spread = pool.std(axis=0) if len(pool) > 1 else (knowledge.highest - knowledge.lowest) / 2
        self._steps = fraction * spread

    def run(
        self, attack: Attack[FloatArray, FloatArray, S], victim: RowVictim, budget: int, rng: np.random.Generator
    ) -> Loot[S]:
        """What the attack makes of means; it has ``budget / times`` distinct rows, rounded up."""
        door = JitterDoor(victim, self._knowledge, self._steps, budget, self._times, own_chance(rng))
        return attack.run(door, -(-budget // self._times), rng)
