"""Requests in flight."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.limits.base import BucketState
from moatkeeper.limits.concurrency import RETRY_S, InFlight, counts_in_flight
from moatkeeper.limits.rate import Rate
from moatkeeper.limits.window import Window


@given(steps=st.lists(st.booleans(), max_size=60))
def test_never_more_are_in_flight_than_the_capacity(steps: list[bool]) -> None:
    strategy, running = InFlight(), 0
    state: BucketState = ()
    for begins in steps:
        fitted = strategy.fit(state, 1, 3, 0.0) if begins else None
        if fitted is not None:
            state, running = fitted, running + 1
        elif not begins and running:
            state, running = strategy.take(state, -1, 0.0), running - 1
        assert strategy.used(state, 0.0) == running <= 3


def test_places_worked_by_hand() -> None:
    strategy = InFlight()
    assert strategy.fit((), 1, 2, 0.0) == (1,)
    assert strategy.fit((2,), 1, 2, 0.0) is None
    assert strategy.wait_s((2,), 1, 2, 0.0) == RETRY_S
    assert strategy.wait_s((), 3, 2, 0.0) == inf
    assert strategy.take((1,), -1, 0.0) == ()


def test_a_settlement_after_a_restart_leaves_no_negative_count() -> None:
    assert InFlight().take((), -1, 0.0) == ()


def test_only_a_count_of_running_requests_looks_like_one() -> None:
    assert counts_in_flight(InFlight().take((), 1, 0.0))
    assert not counts_in_flight(Window(60.0).take((), 1, 0.0))
    assert not counts_in_flight(Rate(1, 60.0).take((), 1, 0.0))
