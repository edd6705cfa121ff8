"""Tallies."""

from __future__ import annotations

import numpy as np

from moatkeeper.sketch.counts import Counts


def test_two_owners_and_three_rows_of_two_positions() -> None:
    sketch = Counts(4)
    state = sketch.empty(2)
    sketch.fold(state, np.array([0, 1, 0]), np.array([[0, 3], [3, 3], [0, -1]]))
    assert state.tolist() == [[2, 0, 0, 1], [0, 0, 0, 2]]


def test_a_position_past_the_end_counts_nothing_for_the_next_owner() -> None:
    sketch = Counts(4)
    state = sketch.empty(2)
    sketch.fold(state, np.array([0]), np.array([[4]]))
    assert not state.any()
