from __future__ import annotations

import numpy as np

from moatkeeper.redteam.boxes import Box, BoxModel, same, settled
from moatkeeper.redteam.linear import Constant

A, B = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def box(low: float, high: float, value: np.ndarray = A, row: float | None = None) -> Box:
    """A box of one column."""
    return Box(np.array([(low + high) / 2 if row is None else row]), np.array([low]), np.array([high]), value)


def column(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


def test_the_latest_box_that_holds_a_row_answers_and_the_rest_is_answered_by_the_rest() -> None:
    model = BoxModel((box(0, 2, A), box(1, 3, B)), Constant((0.5, 0.5)))
    assert model.scores(column(0.5, 1.5, 2.5, 9.0)).tolist() == [[1, 0], [0, 1], [0, 1], [0.5, 0.5]]


def test_a_row_is_settled_where_boxes_hold_it_and_agree() -> None:
    boxes = [box(0, 2, A), box(1, 3, B), box(2.5, 4, B)]
    assert settled(boxes, column(0.5, 1.5, 2.7, 3.5, 5.0)).tolist() == [True, False, True, True, False]
    assert settled([], column(1.0)).tolist() == [False]


def test_a_box_that_reaches_into_another_is_cut_on_the_side_of_its_own_row() -> None:
    cut = box(0, 10, A, row=1).without(box(4, 6, B))
    assert (cut.lowest.tolist(), cut.highest.tolist()) == ([0.0], [4.0])
    cut = box(0, 10, A, row=9).without(box(4, 6, B))
    assert (cut.lowest.tolist(), cut.highest.tolist()) == ([6.0], [10.0])


def test_the_cut_that_keeps_most_is_taken() -> None:
    large = Box(np.array([1.0, 1.0]), np.zeros(2), np.full(2, 10.0), A)
    other = Box(np.array([5.0, 9.0]), np.array([2.0, 8.0]), np.array([6.0, 10.0]), B)
    cut = large.without(other)
    assert cut.highest.tolist() == [10.0, 8.0]


def test_a_box_whose_row_lies_in_the_other_stays_as_it_is() -> None:
    whole = box(0, 10, A, row=5)
    assert whole.without(box(4, 6, B)) is whole


def test_a_side_without_end_can_be_cut() -> None:
    assert box(-np.inf, np.inf, A, row=1).without(box(4, 6, B)).highest.tolist() == [4.0]


def test_values_are_the_same_up_to_the_error_of_a_float() -> None:
    assert same(np.array([[0.3, 0.7], [0.3, 0.700001]]), np.array([0.1 + 0.2, 0.7])).tolist() == [True, False]
