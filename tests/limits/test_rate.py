"""The rate with a burst."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.limits.base import BucketState
from moatkeeper.limits.rate import Rate

EPOCH = 1_800_000_000.0


@given(history=st.lists(st.tuples(st.integers(0, 6400), st.integers(1, 6)), min_size=1, max_size=40).map(sorted))
def test_no_stretch_of_time_holds_more_than_the_burst_and_what_drains_in_it(history: list[tuple[int, int]]) -> None:
    rate, burst, per_second = Rate(10, 64.0), 6, 10 / 64
    state: BucketState = ()
    taken: list[tuple[float, int]] = []
    for ticks, amount in history:
        at = EPOCH + ticks / 16
        fitted = rate.fit(state, amount, burst, at)
        if fitted is not None:
            state = fitted
            taken.append((at, amount))
    for begin, _ in taken:
        for end, _ in taken:
            held = sum(amount for at, amount in taken if begin <= at <= end)
            assert held <= burst + per_second * max(0.0, end - begin) + 1e-6


def test_a_rate_worked_by_hand() -> None:
    """Sixty a minute, three at once: a level of three drains one a second."""
    rate = Rate(60, 60.0)
    state = rate.take((), 3, 100.0)
    assert list(state) == [3, 100, 1]
    assert rate.fit(state, 1, 3, 100.5) is None
    assert rate.wait_s(state, 1, 3, 100.5) == 0.5
    assert rate.fit(state, 1, 3, 101.0) == (3.0, 101.0, 1.0)
    assert rate.wait_s(state, 4, 3, 200.0) == inf
    assert rate.used(state, 102.0) == 1.0
    assert rate.used(state, 200.0) == 0


def test_what_has_drained_is_not_given_back() -> None:
    """Taken 4 at second 0, then 5 at second 3: of the first 4 only 1 is still in the level."""
    rate = Rate(60, 60.0)
    state = rate.take(rate.take((), 4, 0.0), 5, 3.0)
    assert rate.used(state, 3.0) == 6
    assert rate.used(rate.take(state, -4, 0.0), 3.0) == 5


def test_a_level_drains_at_the_pace_under_which_it_was_taken() -> None:
    state = Rate(60, 60.0).take((), 10, 0.0)
    assert Rate(600, 60.0).used(state, 5.0) == 5


def test_a_clock_set_back_is_waited_out() -> None:
    rate = Rate(60, 60.0)
    state = rate.take((), 3, 100.0)
    wait_s = rate.wait_s(state, 1, 3, 90.0)
    assert wait_s == 11.0
    assert rate.fit(state, 1, 3, 90.0 + wait_s) is not None
