from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.pool_rounds import (
    FIRST,
    Indexes,
    Situation,
    ask_in_rounds,
    hard,
    lawful,
    next_round,
    nothing_bought,
    soft,
)
from moatkeeper.redteam.knowledge import RowKnowledge
from tests.support.digits import Reader, knowledge, pool


def in_turn(situation: Situation) -> Indexes:
    """Always the last candidates."""
    return np.arange(len(situation.candidates))[::-1][: situation.count]


def asked(budget: int, victim: Reader | None = None) -> list[bytes]:
    victim = victim or Reader()
    ask_in_rounds(pool(), victim, budget, np.random.default_rng(1), knowledge(), in_turn)
    return [row.tobytes() for row in victim.asked]


def test_rounds_are_at_the_same_answers_whatever_the_budget() -> None:
    sizes = []
    bought = 0
    while bought < 300:
        sizes.append(next_round(bought))
        bought += sizes[-1]
    assert sizes == [40, 20, 30, 45, 68, 102]


@pytest.mark.parametrize("budget", [1, FIRST, FIRST + 1, 100])
def test_a_smaller_budget_asks_a_prefix(budget: int) -> None:
    assert asked(budget) == asked(150)[:budget]


def test_no_row_is_asked_twice_and_the_pool_ends_the_asking() -> None:
    everything = asked(10_000)
    assert len(set(everything)) == len(everything) == len(np.unique(pool(), axis=0))


def test_choices_follow_the_answers() -> None:
    """After the first round at random, the chosen rows are those that the choice named."""
    order = np.random.default_rng(1).permutation(len(pool()))
    left = pool()[order][FIRST:]
    assert asked(FIRST + 20)[FIRST:] == [row.tobytes() for row in left[::-1][:20]]


def test_a_refusal_ends_the_asking_with_what_was_answered() -> None:
    class Stops(Reader):
        def ask(self, rows: FloatArray) -> FloatArray:
            return super().ask(rows[: max(0, 50 - len(self.asked))])

    victim = Stops()
    bought = ask_in_rounds(pool(), victim, 200, np.random.default_rng(1), knowledge(), in_turn)
    assert len(bought) == len(bought.answers) == 50


def test_answers_become_distributions() -> None:
    found = soft(np.array([[2.0, 2.0], [-1.0, 0.5], [0.0, 0.0]]))
    assert found.tolist() == [[0.5, 0.5], [0.0, 1.0], [0.5, 0.5]]
    assert hard(np.array([[0.2, 0.8], [0.6, 0.4]])).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_a_made_row_keeps_to_the_documented_ranges_and_whole_columns() -> None:
    whole = np.array([True, False, True])
    knows = RowKnowledge(2, np.empty((0, 3)), np.zeros(3), np.full(3, 16.0), whole)
    assert lawful(np.array([[-3.0, 7.25, 7.6]]), knows).tolist() == [[0.0, 7.25, 8.0]]


def test_nothing_bought_and_nothing_answered_stays_nothing() -> None:
    assert len(nothing_bought(knowledge()).and_then(pool()[:3], np.empty((0, 0)))) == 0
