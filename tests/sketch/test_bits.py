"""Bitmaps, and how many distinct things were hashed into them."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.mixing import row_hashes

SIZE = 2_048


def filled(distinct: int, times: int = 1) -> tuple[float, int]:
    """What is read, and how many bits are set, after so many distinct things, each seen so often."""
    sketch = Bits(1, SIZE)
    state = sketch.empty(1)
    hashes = row_hashes(np.tile(np.arange(distinct), times)[:, None])
    sketch.fold(state, np.zeros(len(hashes), dtype=np.int64), hashes[:, None])
    return float(sketch.distinct(state)[0, 0]), int(sketch.visited(state)[0, 0])


def test_bits_of_each_map_are_its_own() -> None:
    sketch = Bits(2, 16)
    state = sketch.empty(2)
    sketch.fold(state, np.array([1, 1]), np.array([[0, 9], [17, -1]]))
    assert state.tolist() == [[[0, 0], [0, 0]], [[3, 0], [0, 2]]]
    assert sketch.visited(state).tolist() == [[0, 0], [2, 1]]


@pytest.mark.parametrize(("distinct", "error"), [(1, 0.01), (100, 0.05), (1_000, 0.05), (4_000, 0.10)])
def test_distinct_things_are_counted_and_repeats_are_not(distinct: int, error: float) -> None:
    assert filled(distinct)[0] == pytest.approx(distinct, rel=error)
    assert filled(distinct, times=3) == filled(distinct)


def test_what_was_set_is_held_by_its_owner_and_map_alone() -> None:
    sketch = Bits(2, 16)
    state = sketch.empty(2)
    sketch.fold(state, np.array([1]), np.array([[3, -1]]))
    asked = np.array([[3, 3], [19, -1], [4, 3]])
    assert sketch.holds(state, np.array([1, 1, 1]), asked).tolist() == [[True, False], [True, False], [False, False]]
    assert not sketch.holds(state, np.array([0, 0, 0]), asked).any()


def test_a_full_map_says_the_most_it_can() -> None:
    read, visited = filled(100_000)
    assert visited == SIZE
    assert read == pytest.approx(SIZE * np.log(SIZE))
