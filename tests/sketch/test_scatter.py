"""Many marks at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.sketch.scatter import scatter, scatter_rows


@given(rows=st.integers(0, 60), width=st.integers(1, 40), seed=st.integers(0, 1_000))
def test_rows_land_where_a_plain_loop_puts_them(rows: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    owners, values = rng.integers(0, 4, rows), rng.integers(-9, 9, (rows, width))
    state, expected = np.zeros((4, width), dtype=np.int64), np.zeros((4, width), dtype=np.int64)
    scatter_rows(np.add, state, owners, values)
    for owner, row in zip(owners.tolist(), values, strict=True):
        expected[owner] += row
    np.testing.assert_array_equal(state, expected)


def test_a_view_with_gaps_is_written_to_and_not_a_copy_of_it() -> None:
    whole = np.zeros((3, 4), dtype=np.int64)
    scatter(np.add, whole[:, ::2], np.array([0, 5, 5]), np.array([1, 2, 3]))
    assert whole.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 5, 0]]
