"""Repeat and average: fresh noise on an answer falls with the square root of the times that it is asked for.

Orekondy et al. 2020 (MAD), section 5.2.3, "nquery"; ModelGuard (2024) grants the attacker two or three repeats for nothing.
Here each repeat is a paid question, so that fewer distinct ones are left. Against a deterministic answer, keyed noise included,
nothing is gained and the repeats are lost.
"""

from __future__ import annotations

from typing import Generic

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.base import Attack, Loot, Q, S, Victim
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.trade import Trade

TIMES = 8  # larger: less noise an answer, fewer distinct answers


def mean_of_groups(answers: FloatArray, times: int) -> FloatArray:
    """The means of each ``times`` consecutive rows; the last group may be shorter."""
    if answers.size == 0:
        return answers
    starts = np.arange(0, len(answers), times)
    sizes = np.diff(np.append(starts, len(answers)))
    means: FloatArray = np.add.reduceat(answers, starts, axis=0) / sizes[:, None]
    return means


class RepeatDoor(Generic[Q]):
    """Asks every question several times in a row; the last within the budget as often as is left."""

    def __init__(self, victim: Victim[Q, FloatArray], trade: Trade[Q, FloatArray], budget: int, times: int) -> None:
        self._victim = victim
        self._trade = trade
        self._left = budget
        self._times = times

    @property
    def spent(self) -> Expenses:
        """The victim's own count."""
        return self._victim.spent

    def ask(self, questions: Q) -> FloatArray:
        """Means over the repeats of each question."""
        indexes = np.repeat(np.arange(len(self._trade.keys(questions))), self._times)[: self._left]
        answers = self._victim.ask(self._trade.take(questions, indexes.tolist()))
        self._left -= len(answers)
        return mean_of_groups(answers, self._times)


class Repeat(Generic[Q]):
    """Shows the attack the mean of ``times`` answers to each question."""

    name = "repeat"

    def __init__(self, trade: Trade[Q, FloatArray], times: int = TIMES) -> None:
        if times < 1:
            raise UsageError(f"a question is asked at least once; found times = {times}")
        self._trade = trade
        self._times = times

    def run(
        self, attack: Attack[Q, FloatArray, S], victim: Victim[Q, FloatArray], budget: int, rng: np.random.Generator
    ) -> Loot[S]:
        """What the attack makes of means; it has ``budget / times`` distinct questions, rounded up."""
        door = RepeatDoor(victim, self._trade, budget, self._times)
        return attack.run(door, -(-budget // self._times), rng)
