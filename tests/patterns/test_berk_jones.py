"""The global test."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.berk_jones import CUT, MARGIN, alarms, berk_jones, cut, inflation, share_in_excess


@given(st.integers(0, 2**32), st.integers(20, 400))
def test_the_order_of_accounts_does_not_matter(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    p_values = rng.random(count)
    assert berk_jones(p_values) == berk_jones(rng.permutation(p_values))


@given(st.integers(0, 2**32), st.integers(20, 400))
def test_smaller_p_values_never_lower_it(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    p_values = rng.random(count)
    assert berk_jones(p_values * rng.random(count)) >= berk_jones(p_values) - 1e-9


def test_two_small_ranks_of_four_by_hand() -> None:
    # Half of four accounts lie below 0.1: 2 * 4 * (0.5 log(0.5 / 0.1) + 0.5 log(0.5 / 0.9)) under the root.
    expected = np.sqrt(8 * (0.5 * np.log(5) + 0.5 * np.log(0.5 / 0.9)))
    assert abs(berk_jones(np.array([0.1, 0.7, 0.9, 0.1])) - expected) < 1e-9


def test_honest_accounts_stay_below_the_cut() -> None:
    rng = np.random.default_rng(3)
    assert max(berk_jones(rng.random(700)) for _ in range(500)) < CUT


def test_one_very_strange_account_is_no_ring_and_many_mild_ones_are() -> None:
    rng = np.random.default_rng(4)
    one = np.r_[1e-4, rng.random(699)]
    many = np.r_[0.3 * rng.random(300), rng.random(400)]
    assert berk_jones(one) < CUT < berk_jones(many)
    assert 0.2 < share_in_excess(many, 1.0) < 300 / 700
    assert share_in_excess(one, 1.0) < 0.02


def test_ranks_among_few_past_accounts_count_for_less() -> None:
    rows = np.full(100, 4)
    assert inflation(rows, np.full(100, 100)) == np.sqrt(2)
    few = alarms(("m",), np.full((100, 1), 0.2), rows, np.full(100, 100))[0]
    many = alarms(("m",), np.full((100, 1), 0.2), rows, np.full(100, 100_000))[0]
    assert few.z < many.z


def test_the_cut_is_beyond_every_past_window() -> None:
    assert cut(np.empty((0, 3))) == CUT
    assert cut(np.array([[1.0, 8.0], [2.0, 3.0]])) == 8.0 * MARGIN


def test_a_window_of_a_few_accounts_says_nothing() -> None:
    assert alarms(("m",), np.full((10, 1), 1e-6), np.full(10, 4), np.full(10, 500))[0].z == 0
