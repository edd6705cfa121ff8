from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Notes, Plan, askable, carry_out, in_one_go, pool_rows, uniform_rows
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of


class Doubling:
    """Answers each row's first number twice over, for at most ``allowance`` rows."""

    spent = Expenses()

    def __init__(self, allowance: int = 10**9) -> None:
        self.asked: list[float] = []
        self._allowance = allowance

    def ask(self, rows: FloatArray) -> FloatArray:
        answered = rows[: self._allowance]
        self._allowance -= len(answered)
        self.asked += answered[:, 0].tolist()
        return answered[:, :1] * 2 if len(answered) else np.empty((0, 0))


def knowledge() -> RowKnowledge:
    return knowledge_of(np.array([[0.0, 0.0], [9.0, 0.5]]), 1)


def batches_of_three(heard: list[list[float]]) -> Plan:
    for start in range(0, 12, 3):
        rows = np.arange(start, start + 3, dtype=np.float64)[:, None] * [1.0, 0.0]
        answers = yield rows
        heard.append(answers[:, 0].tolist())


@given(st.integers(0, 14), st.integers(0, 14))
def test_a_plan_is_asked_until_it_ends_or_the_budget_or_the_victim_does(budget: int, allowance: int) -> None:
    victim = Doubling(allowance)
    record = carry_out(batches_of_three([]), victim, budget, knowledge())
    expected = list(range(min(budget, allowance, 12)))
    assert victim.asked == expected
    assert record.rows[:, 0].tolist() == expected
    assert record.answers[:, 0].tolist() == [2 * value for value in expected]


def test_a_plan_hears_of_whole_batches_only_and_of_the_last_one_too() -> None:
    heard: list[list[float]] = []
    carry_out(batches_of_three(heard), Doubling(), 6, knowledge())
    assert heard == [[0, 2, 4], [6, 8, 10]]
    heard.clear()
    carry_out(batches_of_three(heard), Doubling(), 5, knowledge())
    assert heard == [[0, 2, 4]]


def test_nothing_is_asked_without_a_budget_or_a_question() -> None:
    victim = Doubling()
    assert carry_out(in_one_go(np.empty((0, 2))), victim, 5, knowledge()).answers.shape == (0, 1)
    assert carry_out(in_one_go(np.ones((3, 2))), victim, 0, knowledge()).rows.shape == (0, 2)
    assert victim.asked == []


def test_fewer_uniform_rows_begin_more_of_them_and_all_keep_to_the_ranges() -> None:
    few, many = (uniform_rows(knowledge(), np.random.default_rng(1), count) for count in (4, 400))
    assert few.tolist() == many[:4].tolist()
    assert set(many[:, 0].tolist()) == set(range(10))
    assert many[:, 1].min() >= 0
    assert many[:, 1].max() <= 0.5
    assert len(np.unique(many[:, 1])) == 400


def test_an_askable_row_is_whole_where_the_column_is_and_never_out_of_range() -> None:
    assert askable(knowledge(), np.array([[3.4, 0.1], [-5.0, 7.0]])).tolist() == [[3.0, 0.1], [0.0, 0.5]]


def test_the_rows_of_the_thief_come_each_once() -> None:
    assert sorted(pool_rows(knowledge(), np.random.default_rng(0))[:, 0].tolist()) == [0.0, 9.0]


def test_notes_hold_what_a_part_of_a_plan_asked_and_pass_on_what_it_found() -> None:
    def part() -> Plan:
        yield np.array([[1.0, 0.0]])
        yield np.array([[2.0, 0.0]])

    notes = Notes(knowledge())

    def plan() -> Plan:
        yield from notes.follow(part())
        answers = yield from notes.ask(np.array([[5.0, 0.0]]))
        assert answers.tolist() == [[10.0]]

    record = carry_out(plan(), Doubling(), 10, knowledge())
    assert notes.record.answers.tolist() == record.answers.tolist() == [[2.0], [4.0], [10.0]]


@pytest.mark.parametrize("budget", [1, 2])
def test_notes_are_cut_off_with_the_plan(budget: int) -> None:
    notes = Notes(knowledge())

    def plan() -> Plan:
        while True:
            yield from notes.ask(np.array([[1.0, 0.0]]))

    assert len(carry_out(plan(), Doubling(), budget, knowledge()).rows) == len(notes.rows) == budget
