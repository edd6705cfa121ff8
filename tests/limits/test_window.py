"""The strict sliding window."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.limits.base import BucketState
from moatkeeper.limits.window import SLOTS, Window

EPOCH = 1_800_000_000.0

arrivals = st.lists(st.tuples(st.integers(0, 6400), st.integers(1, 6)), min_size=1, max_size=60)


def fullest(taken: list[tuple[float, float]], per_s: float) -> float:
    """The most that any closed stretch of ``per_s`` seconds holds."""
    return max((sum(amount for at, amount in taken if begin <= at <= begin + per_s) for begin, _ in taken), default=0)


def admitted(fit: Callable[[float, float], bool], history: list[tuple[int, int]], per_s: float) -> list[tuple[float, float]]:
    """What fitted, with the latest time seen so far: a bucket's clock never runs backwards."""
    taken: list[tuple[float, float]] = []
    latest = EPOCH
    for ticks, amount in history:
        at = EPOCH + ticks * per_s / 1600
        latest = max(latest, at)
        if fit(amount, at):
            taken.append((latest, amount))
    return taken


class Strict:
    """A window with its state."""

    def __init__(self, per_s: float, capacity: float) -> None:
        self.window, self.capacity, self.state = Window(per_s), capacity, BucketState()

    def __call__(self, amount: float, at: float) -> bool:
        state = self.window.fit(self.state, amount, self.capacity, at)
        if state is not None:
            self.state = state
        return state is not None


class FixedWindow:
    """What most gateways have: a counter that begins anew every ``per_s`` seconds."""

    def __init__(self, per_s: float, capacity: float) -> None:
        self.per_s, self.capacity, self.index, self.count = per_s, capacity, 0.0, 0.0

    def __call__(self, amount: float, at: float) -> bool:
        if at // self.per_s != self.index:
            self.index, self.count = at // self.per_s, 0.0
        self.count += amount
        return self.count <= self.capacity


@pytest.mark.parametrize("per_s", [1.0, 60.0, 3600.0, 2_592_000.0])
@given(history=arrivals, in_order=st.booleans())
def test_no_stretch_of_the_windows_length_holds_more_than_the_limit(
    per_s: float, history: list[tuple[int, int]], in_order: bool
) -> None:
    if in_order:
        history = sorted(history)
    assert fullest(admitted(Strict(per_s, 10), history, per_s), per_s) <= 10


def test_the_law_notices_a_fixed_window() -> None:
    end_of_one_and_begin_of_the_next = [(1599, 6), (1599, 4), (1601, 6), (1601, 4)]
    per_s = 64.0
    assert EPOCH % per_s == 0
    assert fullest(admitted(FixedWindow(per_s, 10), end_of_one_and_begin_of_the_next, per_s), per_s) == 20


@given(offset=st.integers(0, 1000))
def test_a_steady_customer_loses_one_part_in_33_of_the_limit_and_no_more(offset: int) -> None:
    per_s, amount = 32.0, 8
    spacing = per_s / SLOTS * (SLOTS + 1) / amount
    strict = Strict(per_s, amount)
    assert all(strict(1, EPOCH + offset / 64 + spacing * turn) for turn in range(60))


def test_a_window_worked_by_hand() -> None:
    """Slots of one second, 5 in any 32 seconds: 3 at second 0, 2 at second 10."""
    window = Window(32.0)
    state = window.take(window.take((), 3, 0.5), 2, 10.5)
    assert list(state) == [10, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]
    assert window.used(state, 32.9) == 5
    assert window.used(state, 33.0) == 2  # second 0 has left, and 10 has not
    assert window.used(state, 43.0) == 0
    assert window.wait_s(state, 1, 5, 20.0) == 13.0
    assert window.wait_s(state, 4, 5, 20.0) == 23.0
    assert window.wait_s(state, 6, 5, 20.0) == inf


def test_the_states_length_is_bounded() -> None:
    window, state = Window(32.0), BucketState()
    for second in range(200):
        state = window.take(state, 1, float(second))
    assert len(state) == SLOTS + 3
    assert window.used(state, 199.0) == SLOTS + 1


def test_what_has_left_the_window_is_not_given_back_from_what_came_later() -> None:
    window = Window(32.0)
    state = window.take(window.take((), 3, 0.0), 4, 40.0)
    assert window.used(window.take(state, -3, 0.0), 40.0) == 4


def test_what_a_late_arrival_took_can_be_given_back() -> None:
    window = Window(32.0)
    state = window.take(window.take((), 3, 10.0), 4, 8.0)
    assert window.take(state, -4, 8.0) == window.take((), 3, 10.0)


def test_giving_everything_back_leaves_a_fresh_bucket() -> None:
    window = Window(32.0)
    assert window.take(window.take((), 3, 10.0), -3, 10.0) == ()
