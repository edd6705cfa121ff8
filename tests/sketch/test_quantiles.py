"""Quantiles with a bounded relative error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.sketch.base import State
from moatkeeper.sketch.quantiles import Quantiles

SKETCH = Quantiles(0.001, 1e6, error=0.05)


def folded(values: list[float]) -> State:
    state = SKETCH.empty(1)
    SKETCH.fold(state, np.zeros(len(values), dtype=np.int64), np.array(values, dtype=np.float64).reshape(-1, 1))
    return state


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60), st.floats(0, 1))
def test_the_error_is_the_stated_one(values: list[float], share: float) -> None:
    rank = int(np.floor(share * (len(values) - 1)))
    assert float(SKETCH.value(folded(values), share)[0]) == pytest.approx(sorted(values)[rank], rel=0.05 + 1e-9)


def test_the_size_is_the_documented_one() -> None:
    assert SKETCH.width == 210
    assert Quantiles(0.001, 1e6, error=0.1).width < SKETCH.width


def test_what_lies_outside_counts_as_the_ends_and_nan_as_nothing() -> None:
    state = folded([-np.inf, -1.0, 0.0, 1e9, np.inf, np.nan])
    assert SKETCH.count(state).tolist() == [5]
    assert [float(SKETCH.value(state, share)[0]) for share in (0.0, 0.5, 1.0)] == [0.001, 0.001, 1e6]
    assert np.isnan(SKETCH.value(SKETCH.empty(1), 0.5)[0])


def test_a_grid_with_twice_the_growth_would_break_the_error() -> None:
    values = np.geomspace(1, 10, 50).tolist()
    coarse = Quantiles(0.001, 1e6, error=0.1)
    state = coarse.empty(1)
    coarse.fold(state, np.zeros(50, dtype=np.int64), np.array(values)[:, None])
    errors = [abs(float(coarse.value(state, min((rank + 0.5) / 49, 1.0))[0]) / value - 1) for rank, value in enumerate(values)]
    assert 0.05 < max(errors) <= 0.1 + 1e-9
