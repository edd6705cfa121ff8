"""A victim behind a chosen defence, and a plain attack on it, for tests of what tactics are worth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.expenses import Expenses

Defence = Callable[[FloatArray, FloatArray], FloatArray]
"""Rows and their true scores to what is shown."""

COLUMNS, CLASSES = 12, 5
WEIGHTS = np.random.default_rng(77).normal(size=(COLUMNS, CLASSES))


def truth(rows: FloatArray) -> FloatArray:
    """The victim's exact scores: a softmax."""
    return softmax(rows @ WEIGHTS)


def softmax(logits: FloatArray) -> FloatArray:
    """Rows summing to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def rows(count: int, seed: int) -> FloatArray:
    """Rows of the victim's population."""
    return np.random.default_rng(seed).normal(size=(count, COLUMNS))


class Behind:
    """The victim behind a defence; counts what it is asked."""

    def __init__(self, defence: Defence = lambda asked, scores: scores) -> None:
        self._defence = defence
        self.asked = 0

    @property
    def spent(self) -> Expenses:
        """A request a row."""
        return Expenses(requests=self.asked)

    def ask(self, asked: FloatArray) -> FloatArray:
        """What the defence lets out."""
        self.asked += len(asked)
        return self._defence(asked, truth(asked))


class Linear:
    """A softmax over linear scores."""

    def __init__(self, weights: FloatArray) -> None:
        self._weights = weights

    def scores(self, asked: FloatArray) -> FloatArray:
        """Class probabilities."""
        return softmax(asked @ self._weights)


class SoftLabels:
    """Asks its pool in random order and fits a softmax to the answers as they come, by gradient descent on cross-entropy."""

    name = "soft-labels"

    def __init__(self, pool: FloatArray) -> None:
        self._pool = pool

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The fitted softmax; uniform without answers."""
        asked = self._pool[rng.permutation(len(self._pool))[:budget]]
        answers = victim.ask(asked)
        asked = asked[: len(answers)]
        weights = np.zeros((COLUMNS, CLASSES))
        for _ in range(300 if len(answers) else 0):
            weights -= 1.0 * asked.T @ (softmax(asked @ weights) - answers) / len(asked)
        return Loot(Linear(weights))


def fidelity(surrogate: Surrogate) -> float:
    """Agreement with the victim on held-out rows."""
    held_out = rows(2_000, seed=99)
    return float(np.mean(surrogate.scores(held_out).argmax(axis=1) == truth(held_out).argmax(axis=1)))


def distance(surrogate: Surrogate) -> float:
    """Mean L1 distance of the copy's scores from the victim's on held-out rows."""
    held_out = rows(2_000, seed=99)
    return float(np.abs(surrogate.scores(held_out) - truth(held_out)).sum(axis=1).mean())
