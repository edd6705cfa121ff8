"""Sums that do not depend on the order."""

from __future__ import annotations

import numpy as np

from moatkeeper.sketch.sums import MOST, UNIT, Sums


def test_a_column_without_a_number_adds_nothing_and_the_others_do() -> None:
    sketch = Sums(2)
    state = sketch.empty(1)
    sketch.fold(state, np.zeros(2, dtype=np.int64), np.array([[0.5, np.nan], [0.25, -3.0]]))
    assert sketch.values(state).tolist() == [[0.75, -3.0]]


def test_a_value_is_held_to_within_the_most() -> None:
    sketch = Sums(1)
    state = sketch.empty(1)
    sketch.fold(state, np.zeros(2, dtype=np.int64), np.array([[np.inf], [1e300]]))
    assert sketch.values(state).tolist() == [[2 * MOST]]


def test_eight_million_of_the_largest_marks_do_not_overflow() -> None:
    assert int(MOST / UNIT) * 8_000_000 < np.iinfo(np.int64).max
