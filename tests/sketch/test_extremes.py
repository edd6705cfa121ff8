"""The largest of what was seen."""

from __future__ import annotations

import numpy as np

from moatkeeper.sketch.extremes import LARGEST, Largest


def test_the_larger_stays_place_by_place() -> None:
    sketch = Largest(2)
    state = sketch.empty(2)
    sketch.fold(state, np.array([0, 0, 1]), np.array([[5, -7], [3, 2], [LARGEST + 5, 0]]))
    assert state.tolist() == [[5, 2], [LARGEST, 0]]
