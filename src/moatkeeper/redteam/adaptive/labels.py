"""Label only: throw the scores away and keep the decision, the floor of every defence that leaves the label alone.

Orekondy et al. 2020 (MAD), section 5.2.2: an argmax attacker "entirely circumvents" a defence that keeps the label. The price
is what the scores would have told: little on images of ten classes, 50 to 100 times the questions on a linear model.
"""

from __future__ import annotations

from typing import Generic

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Attack, Loot, Q, S, Victim
from moatkeeper.redteam.expenses import Expenses


def one_hot(answers: FloatArray) -> FloatArray:
    """1 at each row's first largest score, 0 elsewhere, shape (n, k); a lone score in [0, 1] goes to the nearer of both."""
    if answers.size == 0:
        return answers
    if answers.shape[1] == 1:
        return np.asarray(answers >= 1 / 2, dtype=np.float64)
    labels = np.zeros_like(answers)
    labels[np.arange(len(answers)), answers.argmax(axis=1)] = 1.0
    return labels


class LabelDoor(Generic[Q]):
    """Passes questions on and lets only the decision back."""

    def __init__(self, victim: Victim[Q, FloatArray]) -> None:
        self._victim = victim

    @property
    def spent(self) -> Expenses:
        """The victim's own count."""
        return self._victim.spent

    def ask(self, questions: Q) -> FloatArray:
        """One-hot rows, as many as were answered."""
        return one_hot(self._victim.ask(questions))


class Labels(Generic[Q]):
    """Shows the attack labels only. Not for regression: a lone value is taken for a score."""

    name = "labels"

    def run(
        self, attack: Attack[Q, FloatArray, S], victim: Victim[Q, FloatArray], budget: int, rng: np.random.Generator
    ) -> Loot[S]:
        """What the attack makes of labels."""
        return attack.run(LabelDoor(victim), budget, rng)
