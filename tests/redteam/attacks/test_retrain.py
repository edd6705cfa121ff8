from __future__ import annotations

from dataclasses import replace

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.retrain import Retrain, fit_substitute, fit_values
from moatkeeper.redteam.base import RowVictim
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.harness import Score, climb
from moatkeeper.redteam.judges import RowJudge, row_judge
from moatkeeper.redteam.knowledge import knowledge_of
from moatkeeper.redteam.trade import ROWS
from tests.support.models import Asked


def rows(count: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(count, 3))


class Crossing:
    """A model that no straight line copies: the sign of a product decides."""

    spent = Expenses()

    def ask(self, asked: FloatArray) -> FloatArray:
        positive = 1 / (1 + np.exp(-4 * asked[:, 0] * asked[:, 1] - 1))
        return np.column_stack([1 - positive, positive])


class Dice:
    """Answers at random, as a model would that has nothing to steal."""

    spent = Expenses()

    def __init__(self) -> None:
        self._rng = np.random.default_rng(5)

    def ask(self, asked: FloatArray) -> FloatArray:
        positive = self._rng.random(len(asked))
        return np.column_stack([1 - positive, positive])


def judge() -> RowJudge:
    return row_judge(Crossing().ask, rows(600, seed=1), np.random.default_rng(2), uniform=100, transfers=False)


def attack(pool: FloatArray) -> Retrain:
    return Retrain(knowledge_of(pool, 2))


def campaign(victim: RowVictim, rungs: list[int]) -> tuple[Score, ...]:
    return climb(attack(rows(500, seed=3)), victim, judge(), ROWS, rungs, seed=0)


def test_a_real_victim_is_copied_far_beyond_the_constant_and_better_with_more_answers() -> None:
    few, many = campaign(Crossing(), [50, 500])
    assert many.fidelity > few.fidelity > judge().constant_fidelity()
    assert many.fidelity > 0.9


def test_random_answers_gain_nothing_over_the_constant() -> None:
    """The negative control of the whole harness: where nothing leaks, no fidelity may appear."""
    (score,) = campaign(Dice(), [500])
    assert score.fidelity < judge().constant_fidelity() + 0.02


def test_a_smaller_budget_asks_a_prefix_of_what_a_larger_one_asks_also_beyond_the_pool() -> None:
    thief = attack(rows(20, seed=3))
    largest = thief.queries(50, np.random.default_rng(8))
    for budget in (1, 20, 21, 49):
        assert thief.queries(budget, np.random.default_rng(8)).tolist() == largest[:budget].tolist()


def test_mixtures_take_every_field_from_a_real_row() -> None:
    pool = rows(10, seed=3)
    for row in attack(pool).queries(40, np.random.default_rng(0))[10:]:
        assert all(value in pool[:, column] for column, value in enumerate(row))


def test_several_classes_are_copied_as_well() -> None:
    asked = rows(400, seed=4)
    truth = np.eye(3)[np.argmax(asked, axis=1)]
    fresh = rows(200, seed=5)
    copy = fit_substitute(asked, truth).scores(fresh)
    assert copy.shape == (200, 3)
    np.testing.assert_allclose(copy.sum(axis=1), 1.0)
    assert float(np.mean(copy.argmax(axis=1) == fresh.argmax(axis=1))) > 0.85


def test_too_few_answers_make_a_constant_copy() -> None:
    nothing = fit_substitute(np.empty((0, 3)), np.empty((0, 0)))
    one = fit_substitute(rows(1, seed=0), np.array([[0.2, 0.8]]))
    assert nothing.scores(rows(2, seed=1)).tolist() == [[1.0, 0.0]] * 2
    assert one.scores(rows(2, seed=1)).tolist() == [[0.2, 0.8]] * 2


def test_values_of_a_regression_are_copied_as_values() -> None:
    knowledge = knowledge_of(rows(500, seed=3), 1, regression=True)
    loot = Retrain(knowledge).run(Asked(lambda asked: 50 * asked[:, :1] * asked[:, 1:2]), 500, np.random.default_rng(0))
    fresh = rows(200, seed=5)
    truth = 50 * fresh[:, :1] * fresh[:, 1:2]
    assert 1 - np.mean((loot.surrogate.scores(fresh) - truth) ** 2) / truth.var() > 0.7


def test_too_few_values_make_a_constant_copy() -> None:
    assert fit_values(np.empty((0, 3)), np.empty((0, 0))).scores(rows(2, seed=1)).tolist() == [[0.0]] * 2
    assert fit_values(rows(1, seed=0), np.array([[7.0]])).scores(rows(2, seed=1)).tolist() == [[7.0]] * 2


def test_a_thief_without_rows_asks_uniform_ones() -> None:
    alone = replace(knowledge_of(rows(500, seed=3), 2), pool=np.empty((0, 3)))
    victim = Asked(Crossing().ask)
    copy = Retrain(alone).run(victim, 300, np.random.default_rng(0)).surrogate
    assert victim.rows == 300
    assert judge().figures(copy, frozenset(), thorough=False)["fidelity_uniform"] > 0.85
