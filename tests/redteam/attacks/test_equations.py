from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.equations import Equations
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import knowledge_of

COLUMNS = 6


class Softmax:
    """A softmax over random linear scores, whose answers are rounded where ``decimals`` says so."""

    def __init__(self, classes: int, decimals: int | None = None) -> None:
        rng = np.random.default_rng(7)
        self._weights = rng.normal(size=(COLUMNS, classes))
        self._constant = rng.normal(size=classes)
        self._decimals = decimals

    @property
    def spent(self) -> Expenses:
        return Expenses()

    def ask(self, rows: FloatArray) -> FloatArray:
        powers = np.exp(rows @ self._weights + self._constant)
        scores: FloatArray = powers / powers.sum(axis=1, keepdims=True)
        return scores if self._decimals is None else np.round(scores, self._decimals)


def pool(count: int = 400) -> FloatArray:
    return np.random.default_rng(3).normal(size=(count, COLUMNS)) * [1, 1, 1, 1, 1, 0.5] + 0.2


def distance(classes: int, decimals: int | None, budget: int) -> float:
    loot = Equations(knowledge_of(pool(), classes)).run(Softmax(classes, decimals), budget, np.random.default_rng(0))
    fresh = np.random.default_rng(99).normal(size=(200, COLUMNS))
    return float(np.abs(loot.surrogate.scores(fresh) - Softmax(classes).ask(fresh)).max())


@pytest.mark.parametrize("classes", [2, 5])
def test_one_answer_more_than_columns_gives_an_exact_copy(classes: int) -> None:
    assert distance(classes, None, COLUMNS + 1) < 1e-9


@pytest.mark.parametrize("classes", [2, 5])
def test_one_answer_too_few_does_not(classes: int) -> None:
    assert distance(classes, None, COLUMNS) > 0.01


def test_two_decimals_blur_the_copy_and_more_answers_sharpen_it_again() -> None:
    few, many = distance(2, 2, COLUMNS + 1), distance(2, 2, 400)
    assert few > 0.02 > many > 1e-9


def test_a_thief_whom_nobody_answers_still_hands_over_a_copy() -> None:
    class Silent:
        spent = Expenses(refused=1)

        def ask(self, rows: FloatArray) -> FloatArray:
            return np.empty((0, 0))

    loot = Equations(knowledge_of(pool(), 2)).run(Silent(), 10, np.random.default_rng(0))
    assert loot.surrogate.scores(pool(3)).tolist() == [[0.5, 0.5]] * 3
