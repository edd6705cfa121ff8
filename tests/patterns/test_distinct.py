"""Different rows: repeats do not count, order and cutting do not matter."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.distinct import EXACT, SEEN, distinct_rows, distinct_share, first_times
from moatkeeper.patterns.encoder import Encoder
from moatkeeper.patterns.hashing import row_hashes
from moatkeeper.patterns.low_margin import LowMargin
from tests.support.honest import COLUMNS, batch_of, honest_batch, thief_rows
from tests.support.readings import profile_of, readings


def state_of(rows: list[int]) -> dict[str, np.ndarray]:
    state = SEEN.empty(1)
    hashes = row_hashes(np.array(rows, dtype=np.int64).reshape(-1, 1))
    SEEN.fold(state, np.zeros(len(rows), dtype=np.int64), hashes[:, None])
    return {EXACT: state}


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200))
def test_repeats_and_order_do_not_count(rows: list[int]) -> None:
    count = np.array([len(rows)])
    once = distinct_rows(state_of(sorted(set(rows))), count)
    assert distinct_rows(state_of(rows), count) == distinct_rows(state_of(rows[::-1]), count) == once
    assert 0 < distinct_share(state_of(rows), count)[0] <= 1


def test_a_monitor_has_asked_a_few_things_and_a_thief_many() -> None:
    count = np.array([500])
    assert abs(distinct_rows(state_of([1, 2] * 250), count)[0] - 2) < 0.1
    assert abs(distinct_rows(state_of(list(range(500))), count)[0] - 500) < 25


def test_first_times_are_counted_by_account() -> None:
    row, other = np.ones((1, COLUMNS)), np.zeros((1, COLUMNS))
    some = honest_batch(40, 10, seed=1)
    batch = batch_of([np.concatenate([row, other, row]), np.concatenate([row, row])])
    assert first_times(Encoder.fit(some).rows(batch)).tolist() == [True, True, False, True, False]


def test_a_monitor_whose_one_row_lies_beside_the_boundary_is_no_thief() -> None:
    rng = np.random.default_rng(2)
    profile = profile_of(LowMargin(), honest_batch(200, 64, seed=1))
    monitor = batch_of([np.tile(thief_rows(rng, 1), (64, 1))], "monitor")
    thief = batch_of([thief_rows(rng, 64)], "thief")
    usual = readings(profile, honest_batch(200, 64, seed=3))
    assert readings(profile, thief)[0] > usual.max()
    assert readings(profile, monitor)[0] < np.quantile(usual, 0.95)
    # The negative control: counted as 64 choices, it would be as strange as the thief.
    states = profile.empty(1)
    profile.fold(states, monitor.accounts, profile.marks(profile.rows(monitor)))
    every = profile.fitted["low-margin"].read({"tallies": states["low-margin/tallies"]}, np.array([64]))
    assert every[0] > usual.max()


def test_without_the_bitmap_all_rows_count() -> None:
    assert distinct_rows({}, np.array([3, 0])).tolist() == [3, 0]
    assert distinct_share({}, np.array([3, 0])).tolist() == [1, 0]
