from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.adaptive.twice import SURE, distributions, in_two_passes
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.trade import ROWS
from tests.support.thieves import Behind, Linear, rows, truth


class Curious:
    """Asks ten rows, then ten others that depend on the first answer, and keeps all that it was told."""

    name = "curious"

    def __init__(self) -> None:
        self.told: list[FloatArray] = []

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        first = victim.ask(rows(10, seed=1))
        sure = len(first) > 0 and first.max() == 1.0
        second = victim.ask(rows(10, seed=2 if sure else 3))
        self.told.append(np.concatenate([first, second]) if len(second) else first)
        return Loot(Linear(np.zeros((12, 5))))


def doubled(shown: FloatArray, believed: FloatArray, rng: np.random.Generator) -> FloatArray:
    return 2 * shown


def test_the_second_pass_asks_nobody_and_hears_the_undone_answers_or_the_first_copy() -> None:
    attack, victim = Curious(), Behind()
    in_two_passes(attack, victim, 20, np.random.default_rng(0), ROWS, doubled)
    assert victim.asked == 20
    labels, undone = attack.told
    assert set(np.unique(labels)) == {0.0, 1.0}
    assert np.array_equal(undone[:10], 2 * truth(rows(10, seed=1)))
    assert np.allclose(undone[10:], 0.2), "rows that were never paid for: the first copy's guess"


def test_without_an_answer_there_is_one_pass() -> None:
    class Silent(Behind):
        def ask(self, asked: FloatArray) -> FloatArray:
            return np.empty((0, 0))

    attack = Curious()
    in_two_passes(attack, Silent(), 20, np.random.default_rng(0), ROWS, doubled)
    assert len(attack.told) == 1


def test_any_finite_scores_become_distributions_that_rule_nothing_out() -> None:
    made = distributions(np.array([[3.0, -1.0, np.nan], [0.0, 0.0, 0.0]]))
    assert np.allclose(made.sum(axis=1), 1)
    assert made.min() > SURE / 4
    assert made[0].argmax() == 0
