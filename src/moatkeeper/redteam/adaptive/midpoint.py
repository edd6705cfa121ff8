"""Midpoints: a rounded 0 is a small number and not none, which is what a thief who takes logarithms has to know.

Scores rounded to a unit lie in an interval around what is shown. Only where it is cut off at 0 does its middle differ: a shown
0 becomes a quarter of a unit, half of what round-to-nearest allows. Our own; Tramèr et al. 2016, section 7, leave zeros to
their solver.
"""

from __future__ import annotations

from typing import Generic, cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.known import MOST_DECIMALS
from moatkeeper.redteam.base import Attack, Loot, Q, S, Victim
from moatkeeper.redteam.expenses import Expenses

DECIMALS = 2
ZERO_UNITS = 0.25  # what a shown 0 is taken for, in units of the last decimal


class MidpointDoor(Generic[Q]):
    """Passes questions on, and moves shown zeros to the middle of what they stand for."""

    def __init__(self, victim: Victim[Q, FloatArray], decimals: int) -> None:
        self._victim = victim
        self._middle = ZERO_UNITS * 10.0**-decimals

    @property
    def spent(self) -> Expenses:
        """The victim's own count."""
        return self._victim.spent

    def ask(self, questions: Q) -> FloatArray:
        """Scores without zeros, rows summing to 1 where there are classes."""
        answers = self._victim.ask(questions)
        if answers.size == 0 or answers.shape[1] == 1:
            return answers
        filled = np.maximum(answers, self._middle)
        return cast(FloatArray, filled / filled.sum(axis=1, keepdims=True))


class Midpoint(Generic[Q]):
    """Shows the attack the middle of the interval that each rounded score stands for."""

    name = "midpoint"

    def __init__(self, decimals: int = DECIMALS) -> None:
        if not 0 <= decimals <= MOST_DECIMALS:
            raise UsageError(f"scores are rounded to 0 to {MOST_DECIMALS} decimals; found {decimals}")
        self._decimals = decimals

    def run(
        self, attack: Attack[Q, FloatArray, S], victim: Victim[Q, FloatArray], budget: int, rng: np.random.Generator
    ) -> Loot[S]:
        """What the attack makes of midpoints."""
        return attack.run(MidpointDoor(victim, self._decimals), budget, rng)
