"""The laws of every strategy in the registry."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.limits.base import BucketState, Limit, Scope, Strategy, Unit
from moatkeeper.limits.registry import STRATEGIES, bucket_ends, strategy_of, strategy_of_bucket

EPOCH = 1_800_000_000.0

LIMITS = {
    "window": Limit(Scope.ACCOUNT, Unit.ROWS, amount=10, per_s=64.0),
    "rate": Limit(Scope.ACCOUNT, Unit.ROWS, amount=10, per_s=64.0, burst=6),
    "in-flight": Limit(Scope.ACCOUNT, Unit.CONCURRENT, amount=4),
}
CAPACITIES = {"window": 10.0, "rate": 6.0, "in-flight": 4.0}
TIMED = ["rate", "window"]

every_strategy = pytest.mark.parametrize("name", sorted(STRATEGIES))

moments = st.integers(0, 200 * 64).map(lambda ticks: EPOCH + ticks / 64)
amounts = st.integers(1, 8)
takes = st.lists(st.tuples(amounts, moments), max_size=12)


def taken(strategy: Strategy, history: list[tuple[int, float]]) -> BucketState:
    """The state after a history, in the order given: times may run backwards."""
    state: BucketState = ()
    for amount, at in history:
        state = strategy.take(state, amount, at)
    return state


def test_every_registered_strategy_is_under_contract() -> None:
    assert LIMITS.keys() == CAPACITIES.keys() == STRATEGIES.keys()


@every_strategy
@given(history=takes, amount=amounts, pause_s=st.integers(0, 100), later_s=st.integers(0, 100))
def test_giving_back_at_once_restores_what_was_used(
    name: str, history: list[tuple[int, float]], amount: int, pause_s: int, later_s: int
) -> None:
    strategy = strategy_of(LIMITS[name])
    before = taken(strategy, sorted(history, key=lambda take: take[1]))
    at = max((moment for _, moment in history), default=EPOCH) + pause_s
    after = strategy.take(strategy.take(before, amount, at), -amount, at)
    assert strategy.used(after, at + later_s) == pytest.approx(strategy.used(before, at + later_s), abs=1e-9)


@every_strategy
@given(history=st.lists(st.tuples(st.integers(-8, 8), moments), max_size=12), at=moments)
def test_no_history_makes_the_use_negative(name: str, history: list[tuple[int, float]], at: float) -> None:
    strategy = strategy_of(LIMITS[name])
    assert strategy.used(taken(strategy, history), at) >= 0


@every_strategy
@given(history=takes, amount=amounts, at=moments)
def test_what_fits_is_taken_and_waits_for_nothing(name: str, history: list[tuple[int, float]], amount: int, at: float) -> None:
    strategy, capacity = strategy_of(LIMITS[name]), CAPACITIES[name]
    state = taken(strategy, history)
    fitted = strategy.fit(state, amount, capacity, at)
    wait_s = strategy.wait_s(state, amount, capacity, at)
    assert (fitted is None) == (wait_s > 0)
    if fitted is not None:
        assert fitted == strategy.take(state, amount, at)


@every_strategy
@given(at=moments, amount=amounts)
def test_more_than_the_capacity_never_fits(name: str, at: float, amount: int) -> None:
    strategy, capacity = strategy_of(LIMITS[name]), CAPACITIES[name]
    assert strategy.wait_s((), capacity + amount, capacity, at) == inf
    assert strategy.fit((), capacity + amount, capacity, at) is None


@every_strategy
@given(history=takes, amount=amounts, later_s=st.integers(0, 64))
def test_a_bucket_that_counts_nothing_is_as_good_as_a_fresh_one(
    name: str, history: list[tuple[int, float]], amount: int, later_s: int
) -> None:
    strategy, capacity = strategy_of(LIMITS[name]), CAPACITIES[name]
    ended = [] if name in TIMED else [(-took, moment) for took, moment in history]
    state = taken(strategy, history + ended)
    at = EPOCH + 200 + 12 * 8 * 64 / 10 + later_s  # long enough for the longest history to leave or drain
    assert strategy.used(state, at) == 0
    assert (strategy.fit(state, amount, capacity, at) is None) == (strategy.fit((), amount, capacity, at) is None)
    assert strategy.used(strategy.take(state, amount, at), at) == strategy.used(strategy.take((), amount, at), at)


@every_strategy
@given(history=takes, amount=amounts, at=moments, back=st.integers(0, 100))
def test_a_clock_that_runs_backwards_frees_nothing(
    name: str, history: list[tuple[int, float]], amount: int, at: float, back: int
) -> None:
    strategy = strategy_of(LIMITS[name])
    state = taken(strategy, history)
    assert strategy.used(state, at - back) >= strategy.used(state, at)
    assert strategy.used(strategy.take(state, amount, at - back), at) >= strategy.used(state, at)


@pytest.mark.parametrize("name", TIMED)
@given(history=takes, amount=st.integers(1, 6), at=moments)
def test_a_refused_amount_fits_after_its_wait_and_not_before(
    name: str, history: list[tuple[int, float]], amount: int, at: float
) -> None:
    strategy, capacity = strategy_of(LIMITS[name]), CAPACITIES[name]
    state = taken(strategy, history)
    wait_s = strategy.wait_s(state, amount, capacity, at)
    if wait_s == 0:
        return
    clock_s = 1e-5  # finer than this, a float does not tell moments of this century apart
    assert strategy.fit(state, amount, capacity, at + wait_s + clock_s) is not None
    if wait_s > 0.01:
        assert strategy.fit(state, amount, capacity, at + wait_s - 0.01) is None


@every_strategy
@given(history=takes, at=moments)
def test_a_buckets_key_is_enough_to_read_its_use(name: str, history: list[tuple[int, float]], at: float) -> None:
    limit = LIMITS[name]
    before, after = bucket_ends(limit)
    state = taken(strategy_of(limit), history)
    assert strategy_of_bucket(f"{before}alice{after}").used(state, at) == strategy_of(limit).used(state, at)


def test_the_laws_notice_a_window_that_gives_back_what_it_never_took() -> None:
    class Generous:
        """A window that lowers its total without looking."""

        def take(self, state: BucketState, amount: float, at: float) -> BucketState:
            return (0.0, (state[1] if state else 0) + amount)

        def used(self, state: BucketState, at: float) -> float:
            return state[1] if state else 0

    broken = Generous()
    assert broken.used(broken.take((), -3, EPOCH), EPOCH) < 0
