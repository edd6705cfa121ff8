"""Parts of rows: mates are counted as they are, up to a known noise, and the same part has the same hash."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.hashing import HashArray
from moatkeeper.patterns.parts import all_but_groups, exact_hashes, mates, noted, places

TOLERATED = 0.6
"""Mates: three times sqrt(2 / BUCKETS), the deviation for rows that all differ."""


def mates_of(hashes: HashArray, exact: HashArray | None = None) -> FloatArray:
    sketch = noted(hashes.shape[1])
    state = sketch.empty(1)
    rows = np.arange(len(hashes)) if exact is None else exact
    sketch.fold(state, np.zeros(len(hashes), dtype=np.int64), places(hashes, rows))
    found: FloatArray = mates(state)[0]
    return found


@given(width=st.integers(2, 70), count=st.integers(1, 8), seed=st.integers(0, 100))
def test_groups_leave_out_every_column_once(width: int, count: int, seed: int) -> None:
    parts = all_but_groups(width, count, seed)
    assert ((~parts).sum(axis=0) == 1).all()
    assert len(parts) == min(count, width)


@given(seed=st.integers(0, 1_000))
def test_a_part_has_the_same_hash_whatever_else_the_row_holds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(2, 6)).astype(np.float32)
    part = all_but_groups(6, 2, seed)[:1]
    points[1, part[0]] = points[0, part[0]]
    first, second = exact_hashes(points, part)[:, 0].tolist()
    assert first == second
    assert len(np.unique(exact_hashes(points, np.ones((1, 6), dtype=bool)))) == 2


@given(seed=st.integers(0, 1_000))
def test_rows_that_all_differ_have_no_mates_but_for_noise(seed: int) -> None:
    hashes = np.random.default_rng(seed).integers(0, 2**62, (300, 8))
    assert abs(float(mates_of(hashes).mean())) < TOLERATED


def test_ten_rows_of_each_part_have_nine_mates() -> None:
    hashes = np.repeat(np.random.default_rng(0).integers(0, 2**62, (30, 8)), 10, axis=0)
    assert np.isclose(mates_of(hashes).mean(), 9, rtol=TOLERATED / 3)


@given(seed=st.integers(0, 1_000), times=st.integers(1, 50))
def test_sending_a_row_again_changes_nothing(seed: int, times: int) -> None:
    hashes = np.random.default_rng(seed).integers(0, 2**62, (12, 3))
    again = np.tile(np.arange(12), times)
    np.testing.assert_array_equal(mates_of(hashes[again], again), mates_of(hashes))


def test_nothing_has_no_mates() -> None:
    assert (mates(noted(2).empty(3)) == 0).all()
