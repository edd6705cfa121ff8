"""Laws that every registered attack keeps."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.registry import ATTACKS


class Linear:
    """A logistic regression that notes what it is asked, and answers at most ``allowance`` rows."""

    def __init__(self, allowance: int = 10**9) -> None:
        self.asked: list[list[float]] = []
        self.refused = 0
        self._allowance = allowance

    def ask(self, rows: FloatArray) -> FloatArray:
        answered = rows[: self._allowance]
        self._allowance -= len(answered)
        self.refused += len(answered) < len(rows)
        self.asked.extend(answered.tolist())
        positive = 1 / (1 + np.exp(-answered.sum(axis=1)))
        return np.column_stack([1 - positive, positive])


def pool() -> FloatArray:
    return np.random.default_rng(0).normal(size=(60, 4))


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_registered_under_its_own_name(name: str) -> None:
    assert ATTACKS[name](pool()).name == name


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("budget", [1, 5, 40])
def test_an_attack_stays_within_its_budget_and_gives_finite_scores(name: str, budget: int) -> None:
    victim = Linear()
    loot = ATTACKS[name](pool()).run(victim, budget, np.random.default_rng(1))
    assert len(victim.asked) <= budget
    assert loot.surrogate.scores(pool()).shape == (60, 2)
    assert np.isfinite(loot.surrogate.scores(pool())).all()


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_with_the_same_seed_asks_the_same_and_brings_home_the_same(name: str) -> None:
    runs = []
    for _ in range(2):
        victim = Linear()
        loot = ATTACKS[name](pool()).run(victim, 30, np.random.default_rng(1))
        runs.append((victim.asked, loot.surrogate.scores(pool()).tolist()))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("allowance", [0, 1, 7])
def test_an_attack_survives_refusals_and_counts_what_it_got(name: str, allowance: int) -> None:
    loot = ATTACKS[name](pool()).run(Linear(allowance), 30, np.random.default_rng(1))
    assert loot.queries == allowance
    assert loot.refused >= 1
    assert np.isfinite(loot.surrogate.scores(pool())).all()


@pytest.mark.parametrize("name", ATTACKS)
def test_the_rows_of_a_smaller_budget_begin_those_of_a_larger(name: str) -> None:
    small, large = Linear(), Linear()
    ATTACKS[name](pool()).run(small, 10, np.random.default_rng(1))
    ATTACKS[name](pool()).run(large, 50, np.random.default_rng(1))
    assert large.asked[: len(small.asked)] == small.asked
