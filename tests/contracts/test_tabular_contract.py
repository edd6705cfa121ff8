"""Laws that attacks on models of rows keep beyond those of every attack: whatever the API answers, and round after round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.catalogue_tabular import TABULAR
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of

COLUMNS = 4
ROWS = np.random.default_rng(0).normal(size=(60, COLUMNS))
WEIGHTS = np.random.default_rng(1).normal(size=(COLUMNS, 3))
EVERY_ATTACK = pytest.mark.parametrize("name", [card.name for card in TABULAR])
MAKERS = {card.name: card.make for card in TABULAR}


class Softmax:
    """A softmax of three classes that notes what it is asked; answers in full, rounded, or as labels; ``jump`` adds noise."""

    spent = Expenses()

    def __init__(self, decimals: int | None = None, jump: float = 0.0) -> None:
        self.asked: list[list[float]] = []
        self._decimals = decimals
        self._jump = jump
        self._rng = np.random.default_rng(2)

    def ask(self, rows: FloatArray) -> FloatArray:
        self.asked.extend(rows.tolist())
        powers = np.exp(rows @ WEIGHTS + self._jump * self._rng.normal(size=(len(rows), 3)))
        scores: FloatArray = powers / powers.sum(axis=1, keepdims=True)
        if self._decimals is None:
            return scores
        one_hot: FloatArray = np.eye(3)[scores.argmax(axis=1)]
        return np.round(scores, self._decimals) if self._decimals else one_hot


class Values:
    """A regression that notes what it is asked."""

    spent = Expenses()

    def __init__(self) -> None:
        self.asked: list[list[float]] = []

    def ask(self, rows: FloatArray) -> FloatArray:
        self.asked.extend(rows.tolist())
        return np.floor(rows[:, :1]) + rows[:, 1:2]


def knowledge(outputs: int = 3) -> RowKnowledge:
    return knowledge_of(ROWS, outputs, regression=outputs == 1)


@EVERY_ATTACK
@pytest.mark.parametrize(
    "victim", [Softmax(), Softmax(1), Softmax(0), Softmax(jump=2.0)], ids=["full", "rounded", "labels", "noise"]
)
def test_whatever_the_answers_are_the_copy_is_finite_and_its_rows_are_shares(name: str, victim: Softmax) -> None:
    for budget in (2, 35):
        scores = MAKERS[name](knowledge()).run(victim, budget, np.random.default_rng(1)).surrogate.scores(ROWS)
        assert scores.shape == (60, 3)
        assert np.isfinite(scores).all()


@EVERY_ATTACK
def test_a_regression_gives_a_finite_copy_within_the_budget(name: str) -> None:
    victim = Values()
    copy = MAKERS[name](knowledge(1)).run(victim, 45, np.random.default_rng(1)).surrogate
    assert len(victim.asked) <= 45
    assert copy.scores(ROWS).shape == (60, 1)
    assert np.isfinite(copy.scores(ROWS)).all()


@EVERY_ATTACK
@pytest.mark.parametrize("decimals", [None, 0])
def test_a_smaller_budget_asks_a_prefix_through_all_rounds(name: str, decimals: int | None) -> None:
    asked = []
    for budget in (33, 71, 150):
        victim = Softmax(decimals)
        MAKERS[name](knowledge()).run(victim, budget, np.random.default_rng(1))
        asked.append(victim.asked)
    assert asked[2][: len(asked[1])] == asked[1]
    assert asked[1][: len(asked[0])] == asked[0]


@EVERY_ATTACK
def test_every_question_keeps_to_the_documented_ranges_and_whole_columns(name: str) -> None:
    rows = np.round(ROWS * 10)
    known = replace(knowledge_of(rows, 3), lowest=rows.min(axis=0) - 1, highest=rows.max(axis=0) + 1)
    victim = Softmax()
    MAKERS[name](known).run(victim, 120, np.random.default_rng(1))
    asked = np.array(victim.asked)
    assert asked.tolist() == np.round(asked).tolist()
    assert (asked >= known.lowest).all()
    assert (asked <= known.highest).all()


@EVERY_ATTACK
def test_a_thief_without_rows_of_his_own_brings_home_a_copy(name: str) -> None:
    alone = replace(knowledge(), pool=np.empty((0, COLUMNS)))
    scores = MAKERS[name](alone).run(Softmax(), 40, np.random.default_rng(1)).surrogate.scores(ROWS)
    assert np.isfinite(scores).all()
