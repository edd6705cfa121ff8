"""Laws that every registered attack keeps."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of
from moatkeeper.redteam.registry import ROW_ATTACKS


class Linear:
    """A logistic regression that notes what it is asked, and answers at most ``allowance`` rows."""

    def __init__(self, allowance: int = 10**9) -> None:
        self.asked: list[list[float]] = []
        self._refused = 0
        self._allowance = allowance

    @property
    def spent(self) -> Expenses:
        return Expenses(requests=len(self.asked), refused=self._refused)

    def ask(self, rows: FloatArray) -> FloatArray:
        answered = rows[: self._allowance]
        self._allowance -= len(answered)
        self._refused += len(answered) < len(rows)
        self.asked.extend(answered.tolist())
        positive = 1 / (1 + np.exp(-answered.sum(axis=1)))
        return np.column_stack([1 - positive, positive])


def pool() -> FloatArray:
    return np.random.default_rng(0).normal(size=(60, 4))


def knowledge() -> RowKnowledge:
    return knowledge_of(pool(), 2)


@pytest.mark.parametrize("name", ROW_ATTACKS)
def test_an_attack_is_registered_under_its_own_name(name: str) -> None:
    assert ROW_ATTACKS[name].make(knowledge()).name == name


@pytest.mark.parametrize("name", ROW_ATTACKS)
@pytest.mark.parametrize("budget", [1, 5, 40])
def test_an_attack_stays_within_its_budget_and_gives_finite_scores(name: str, budget: int) -> None:
    victim = Linear()
    loot = ROW_ATTACKS[name].make(knowledge()).run(victim, budget, np.random.default_rng(1))
    assert len(victim.asked) <= budget
    assert loot.surrogate.scores(pool()).shape == (60, 2)
    assert np.isfinite(loot.surrogate.scores(pool())).all()


@pytest.mark.parametrize("name", ROW_ATTACKS)
def test_an_attack_with_the_same_seed_asks_the_same_and_brings_home_the_same(name: str) -> None:
    runs = []
    for _ in range(2):
        victim = Linear()
        loot = ROW_ATTACKS[name].make(knowledge()).run(victim, 30, np.random.default_rng(1))
        runs.append((victim.asked, loot.surrogate.scores(pool()).tolist()))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("name", ROW_ATTACKS)
@pytest.mark.parametrize("allowance", [0, 1, 7])
def test_an_attack_survives_refusals_with_a_copy_of_what_it_got(name: str, allowance: int) -> None:
    loot = ROW_ATTACKS[name].make(knowledge()).run(Linear(allowance), 30, np.random.default_rng(1))
    assert np.isfinite(loot.surrogate.scores(pool())).all()


@pytest.mark.parametrize("name", ROW_ATTACKS)
def test_the_rows_of_a_smaller_budget_begin_those_of_a_larger(name: str) -> None:
    small, large = Linear(), Linear()
    ROW_ATTACKS[name].make(knowledge()).run(small, 10, np.random.default_rng(1))
    ROW_ATTACKS[name].make(knowledge()).run(large, 50, np.random.default_rng(1))
    assert large.asked[: len(small.asked)] == small.asked
