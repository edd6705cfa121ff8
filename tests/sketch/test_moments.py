"""Mean and variance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.sketch.base import State
from moatkeeper.sketch.moments import FARTHEST, Moments


def folded(values: list[float]) -> State:
    state = Moments(1).empty(1)
    Moments(1).fold(state, np.zeros(len(values), dtype=np.int64), np.array(values, dtype=np.float64).reshape(-1, 1))
    return state


@given(st.lists(st.floats(-1_000, 1_000), min_size=2, max_size=50))
def test_they_are_those_of_numpy(values: list[float]) -> None:
    sketch, state = Moments(1), folded(values)
    assert float(sketch.mean(state)[0, 0]) == pytest.approx(np.mean(values), abs=1e-5)
    assert float(sketch.variance(state)[0, 0]) == pytest.approx(np.var(values, ddof=1), rel=1e-5, abs=0.02)


def test_a_small_spread_far_from_zero_is_still_seen() -> None:
    values = np.random.default_rng(0).normal(900.0, 0.5, 20_000)
    assert float(Moments(1).variance(folded(values.tolist()))[0, 0]) == pytest.approx(0.25, rel=0.03)


def test_each_column_has_its_own_count() -> None:
    sketch = Moments(2)
    state = sketch.empty(1)
    sketch.fold(state, np.zeros(2, dtype=np.int64), np.array([[1.0, np.nan], [3.0, 5.0]]))
    assert sketch.count(state).tolist() == [[2, 1]]
    assert sketch.mean(state).tolist() == [[2.0, 5.0]]
    assert sketch.variance(state)[0, 0] == 2.0
    assert np.isnan(sketch.variance(state)[0, 1])


def test_nothing_has_no_mean_and_infinity_is_held() -> None:
    assert np.isnan(Moments(1).mean(folded([])))
    assert Moments(1).mean(folded([np.inf])).tolist() == [[FARTHEST]]
