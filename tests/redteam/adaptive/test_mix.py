from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.mix import Mix
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import knowledge_of
from tests.support.thieves import COLUMNS, Linear, SoftLabels, fidelity, rows, truth

POOL = rows(200, seed=1)


class Notes:
    """The victim, which keeps what it was asked."""

    spent = Expenses()

    def __init__(self) -> None:
        self.rows: list[FloatArray] = []

    def ask(self, asked: FloatArray) -> FloatArray:
        self.rows.extend(asked)
        return truth(asked)


class Foreign:
    """Asks rows that no pool holds, in batches of seven, and keeps the answers."""

    name = "foreign"

    def __init__(self) -> None:
        self.answers: list[FloatArray] = []

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        for start in range(0, budget, 7):
            self.answers.extend(victim.ask(strange()[start : min(start + 7, budget)]))
        return Loot(Linear(np.zeros((COLUMNS, 5))))


def strange() -> FloatArray:
    return 100 + rows(400, seed=2)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.7, 0.9])
def test_the_share_of_innocent_rows_holds_at_any_time_and_answers_come_to_their_questions(share: float) -> None:
    attack, victim = Foreign(), Notes()
    Mix(knowledge_of(POOL, 5), share).run(attack, victim, 300, np.random.default_rng(0))
    innocent = np.array([row.mean() < 50 for row in victim.rows])
    assert 300 - 10 <= len(innocent) <= 300
    for place in range(1, len(innocent) + 1):
        assert abs(innocent[:place].sum() - share * place) <= 1
    own = np.array(victim.rows)[~innocent]
    assert np.array_equal(own, strange()[: len(own)])
    assert np.array_equal(np.array(attack.answers), truth(own))


def test_innocent_rows_come_once_each_before_any_comes_again() -> None:
    victim = Notes()
    Mix(knowledge_of(POOL, 5), 0.9).run(Foreign(), victim, 220, np.random.default_rng(0))
    innocent = [row.tobytes() for row in victim.rows if row.mean() < 50]
    assert len(innocent) == len(set(innocent)) > 180


def test_answers_to_innocent_rows_serve_an_attack_that_asks_the_same_and_cost_it_nothing() -> None:
    worth = {}
    for use in (False, True):
        victim = Notes()
        loot = Mix(knowledge_of(POOL, 5), 0.9, use=use).run(SoftLabels(POOL), victim, 200, np.random.default_rng(0))
        assert len(victim.rows) <= 200
        worth[use] = fidelity(loot.surrogate)
    naive = fidelity(SoftLabels(POOL).run(Notes(), 200, np.random.default_rng(0)).surrogate)
    assert worth[False] < worth[True] <= naive + 0.02


def test_a_share_of_all_or_a_pool_of_none_is_refused() -> None:
    with pytest.raises(UsageError, match="below 1"):
        Mix(knowledge_of(POOL, 5), 1.0)
    with pytest.raises(UsageError, match="the thief has none"):
        Mix(knowledge_of(POOL, 5, foreign=None).__class__(5, np.empty((0, 12)), POOL[0], POOL[1], POOL[0] > 9), 0.5)
