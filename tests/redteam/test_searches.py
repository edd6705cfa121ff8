from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Plan, carry_out
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of
from moatkeeper.redteam.searches import Bracket, bisect, ends, ranges
from tests.support.models import Asked


def knowledge() -> RowKnowledge:
    """Two columns between 0 and 10, the second of them whole."""
    known = knowledge_of(np.array([[0.0, 0.0], [10.0, 10.0]]), 2)
    return replace(known, whole=np.array([False, True]))


def searched(start: Bracket, boundary: float, column: int, tolerance: float) -> tuple[Bracket, int]:
    """What a search for the place where a column passes a boundary finds, and how many rows it asks."""

    def model(rows: FloatArray) -> FloatArray:
        above = (rows[:, column] > boundary).astype(np.float64)
        return np.column_stack([1 - above, above])

    found: list[Bracket] = []
    label = int(model(start.near[None])[0].argmax())

    def plan() -> Plan:
        bracket = yield from bisect(knowledge(), start, lambda answer: int(answer.argmax()) == label, np.full(2, tolerance))
        found.append(bracket)

    victim = Asked(model)
    carry_out(plan(), victim, 10_000, knowledge())
    return found[0], victim.rows


@given(st.floats(0.001, 9.999), st.booleans())
def test_halving_brackets_the_boundary_in_as_many_questions_as_bits(boundary: float, turned: bool) -> None:
    low, high = np.array([0.0, 3.0]), np.array([10.0, 3.0])
    found, asked = searched(Bracket(high, low) if turned else Bracket(low, high), boundary, 0, 0.01)
    assert min(found.near[0], found.far[0]) <= boundary <= max(found.near[0], found.far[0])
    assert abs(found.near[0] - found.far[0]) <= 0.01
    assert abs(found.middle[0] - boundary) <= 0.01
    assert asked == 10  # 10 / 2**10 is the first width below 0.01


@given(st.integers(0, 9))
def test_a_whole_column_is_bracketed_by_neighbours(boundary: int) -> None:
    found, asked = searched(Bracket(np.array([5.0, 0.0]), np.array([5.0, 10.0])), boundary + 0.5, 1, 0.01)
    assert (found.near[1], found.far[1]) == (boundary, boundary + 1)
    assert asked <= 4


def test_the_ends_of_all_lines_by_hand() -> None:
    assert ends(knowledge(), np.array([4.0, 5.0])).tolist() == [[0.0, 5.0], [4.0, 0.0], [10.0, 5.0], [4.0, 10.0]]


def test_a_column_that_never_varies_has_a_range_to_divide_by() -> None:
    assert ranges(knowledge_of(np.array([[1.0, 2.0], [1.0, 5.0]]), 2)).tolist() == [1.0, 3.0]
