"""A victim that reads digits, what its thieves know, and what their copies are worth.

The victim is a support vector machine, of another kind than the networks that thieves train.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import RowAttack, RowVictim
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.harness import climb
from moatkeeper.redteam.judges import ClassJudge
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.trade import ROWS

CLASSES = 10
SHAPE = (1, 8, 8)
BRIGHTEST = 16.0


@cache
def _parts() -> tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Rows that train the victim, rows of the thief, rows held out, and the classes of the first."""
    rows, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(rows))
    train, thief, held_out = order[:600], order[600:1200], order[1200:]
    return rows[train], rows[thief], rows[held_out], labels[train]


@cache
def _machine() -> SVC:
    train, _, _, labels = _parts()
    return SVC(C=5).fit(train / BRIGHTEST, labels)


def pool() -> FloatArray:
    """600 digits that the victim never saw."""
    return _parts()[1]


def noise(count: int = 600) -> FloatArray:
    """Images in which every pixel is chance."""
    return np.random.default_rng(4).integers(0, int(BRIGHTEST) + 1, (count, 64)).astype(np.float64)


def knowledge(own: FloatArray | None = None, foreign: FloatArray | None = None) -> RowKnowledge:
    """What a thief of the digits' reader has: the documented range, and these images."""
    nothing = np.empty((0, 64))
    return RowKnowledge(
        CLASSES,
        pool() if own is None else own,
        np.zeros(64),
        np.full(64, BRIGHTEST),
        np.ones(64, dtype=np.bool_),
        nothing if foreign is None else foreign,
        SHAPE,
    )


class Reader:
    """The victim; notes what it is asked, and says its label only where ``labels_only``."""

    spent = Expenses()

    def __init__(self, *, labels_only: bool = False) -> None:
        self.asked: list[FloatArray] = []
        self._labels_only = labels_only

    def ask(self, rows: FloatArray) -> FloatArray:
        self.asked.extend(rows)
        scores = read(rows)
        return np.eye(CLASSES)[scores.argmax(axis=1)] if self._labels_only else scores


class Dice:
    """Answers by chance, as a victim would that gives nothing away."""

    spent = Expenses()

    def __init__(self) -> None:
        self.asked: list[FloatArray] = []
        self._rng = np.random.default_rng(5)

    def ask(self, rows: FloatArray) -> FloatArray:
        self.asked.extend(rows)
        return self._rng.dirichlet(np.ones(CLASSES), size=len(rows))


def read(rows: FloatArray) -> FloatArray:
    """The victim's exact scores, shape (n, 10)."""
    if not len(rows):
        return np.empty((0, CLASSES))
    margins = _machine().decision_function(rows / BRIGHTEST)
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    scores: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return scores


def judge() -> ClassJudge[FloatArray]:
    """Scores copies on the held-out digits."""
    held_out = _parts()[2]
    return ClassJudge(ROWS, held_out, read(held_out))


def fidelity(attack: RowAttack, budget: int, victim: RowVictim | None = None, seed: int = 0) -> float:
    """What the harness says of the copy that an attack made with this budget."""
    (score,) = climb(attack, victim or Reader(), judge(), ROWS, [budget], seed)
    return score.fidelity
