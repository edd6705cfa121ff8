"""Which places were visited."""

from __future__ import annotations

import numpy as np

from moatkeeper.sketch.coverage import Coverage


def test_two_owners_who_share_one_place_of_three() -> None:
    sketch = Coverage(10)
    state = sketch.empty(2)
    sketch.fold(state, np.array([0, 1, 1]), np.array([[0, 9], [9, 3], [3, 10]]))
    assert sketch.visited(state).tolist() == [2, 2]
    assert sketch.share(state).tolist() == [0.2, 0.2]
    assert sketch.overlap(state[:1], state[1:]).tolist() == [1 / 3]
    assert sketch.visited(sketch.merge(state[:1], state[1:])).tolist() == [3]


def test_nothing_overlaps_with_nothing_in_no_known_way() -> None:
    assert np.isnan(Coverage(10).overlap(Coverage(10).empty(1), Coverage(10).empty(1)))[0]
