"""HyperLogLog: its accuracy against the truth, from none to a hundred thousand."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.sketch.base import State
from moatkeeper.sketch.registers import Registers

PRECISION = 10
ERROR = 1.04 / np.sqrt(2**PRECISION)
RUNS = 40
SKETCH = Registers(PRECISION)


def folded(distinct: int, owners: int, seed: int = 0) -> State:
    """Owners who each saw so many different things, none of them the same."""
    things = np.arange(owners * distinct) + seed * 10**9
    state = SKETCH.empty(owners)
    SKETCH.fold(state, np.repeat(np.arange(owners), distinct), things[:, None])
    return state


@pytest.mark.parametrize("distinct", [1, 2, 10, 100, 500, 1_000, 2_500, 5_000, 20_000])
def test_the_error_is_the_stated_one_at_every_size(distinct: int) -> None:
    read = SKETCH.distinct(folded(distinct, RUNS))
    assert np.sqrt(np.mean((read / distinct - 1) ** 2)) < 1.25 * ERROR
    assert abs(np.mean(read) / distinct - 1) < 3 * ERROR / np.sqrt(RUNS)


def test_nothing_is_none_and_repeats_are_one() -> None:
    assert SKETCH.distinct(SKETCH.empty(2)).tolist() == [0.0, 0.0]
    state = SKETCH.empty(1)
    SKETCH.fold(state, np.zeros(1_000, dtype=np.int64), np.full((1_000, 1), 7))
    assert float(SKETCH.distinct(state)[0]) == pytest.approx(1.0, rel=0.01)


def test_a_ring_that_shares_its_rows_has_no_more_than_one_of_it() -> None:
    alone = folded(1_000, 1)
    assert SKETCH.distinct(SKETCH.merge(alone, alone)) == SKETCH.distinct(alone)
    both = SKETCH.distinct(SKETCH.merge(alone, folded(1_000, 1, seed=1)))
    assert float(both[0]) == pytest.approx(2_000, rel=4 * ERROR)


def test_without_a_correction_few_things_would_be_read_as_many() -> None:
    state = folded(10, 1)
    raw = 0.7213 / (1 + 1.079 / SKETCH.width) * SKETCH.width**2 / np.exp2(-state.astype(float)).sum()
    assert raw > 50 * float(SKETCH.distinct(state)[0])
