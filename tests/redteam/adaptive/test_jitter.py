from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.jitter import Jitter
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import knowledge_of
from tests.support.thieves import Linear

POOL = np.column_stack(
    [
        np.random.default_rng(0).normal(0, 5, 300),
        np.random.default_rng(1).integers(0, 40, 300).astype(float),
        np.random.default_rng(2).integers(0, 2, 300).astype(float),
        np.full(300, 7.0),
    ]
)


class Notes:
    """Answers each row with its own values, and keeps what it was asked."""

    spent = Expenses()

    def __init__(self) -> None:
        self.rows: list[FloatArray] = []

    def ask(self, asked: FloatArray) -> FloatArray:
        self.rows.append(asked)
        return asked


class Asks:
    """Asks its first rows and keeps the answers."""

    name = "asks"
    answers: FloatArray

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        self.answers = victim.ask(POOL[:budget])
        return Loot(Linear(np.zeros((4, 2))))


def jittered(times: int, fraction: float, budget: int) -> tuple[FloatArray, FloatArray]:
    attack, victim = Asks(), Notes()
    Jitter(knowledge_of(POOL, 4), times, fraction).run(attack, victim, budget, np.random.default_rng(5))
    return np.concatenate(victim.rows), attack.answers


def test_copies_lie_within_a_fraction_of_the_spread_around_their_row_which_comes_first() -> None:
    asked, answers = jittered(times=10, fraction=0.02, budget=1_000)
    copies = asked.reshape(100, 10, 4)
    assert np.array_equal(copies[:, 0], POOL[:100])
    moved = np.abs(copies - POOL[:100, None])
    assert moved[:, 1:, 0].min() > 0
    assert moved[..., 0].max() <= 0.02 * POOL[:, 0].std()
    assert answers == pytest.approx(copies.mean(axis=1))


def test_whole_columns_stay_whole_and_no_column_leaves_its_range() -> None:
    asked, _ = jittered(times=20, fraction=0.5, budget=2_000)
    assert np.array_equal(asked[:, 1:], np.round(asked[:, 1:]))
    assert (asked >= POOL.min(axis=0)).all()
    assert (asked <= POOL.max(axis=0)).all()
    assert len(np.unique(asked[:, 1] - np.repeat(POOL[:100, 1], 20))) > 5, "larger steps than one where the spread is large"
    changed = (asked[:, 2] != np.repeat(POOL[:100, 2], 20)).mean()
    assert 0.02 < changed < 0.3, "a yes or no is moved seldom"
    assert (asked[:, 3] == 7.0).all()


def test_impossible_figures_are_refused() -> None:
    with pytest.raises(UsageError, match="times >= 1"):
        Jitter(knowledge_of(POOL, 4), 0)
