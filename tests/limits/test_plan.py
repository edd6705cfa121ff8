"""Which buckets a query touches, and the reservation of all of them together."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import ConfigError
from moatkeeper.limits.base import BucketState, Limit, Scope, Unit
from moatkeeper.limits.plan import Amounts, Owners, Plan

AT = 1_800_000_000.0
ALICE = Owners(key="k1", account="alice", organisation="acme", address="192.0.2.7", model="credit")
ONE_ROW = Amounts(requests=1, rows=1, concurrent=1)


def fresh(key: str) -> BucketState:
    return ()


def test_a_query_touches_one_bucket_a_limit() -> None:
    plan = Plan(
        [
            Limit(Scope.KEY, Unit.REQUESTS, 10, per_s=60),
            Limit(Scope.ACCOUNT, Unit.ROWS, 100),
            Limit(Scope.ORGANISATION, Unit.ROWS, 1000),
            Limit(Scope.ACCOUNT, Unit.CONCURRENT, 4),
        ],
        [
            Limit(Scope.ADDRESS, Unit.ROWS, 100),
            Limit(Scope.MODEL, Unit.ROWS, 10_000),
            Limit(Scope.ALL, Unit.ROWS, 10_000),
        ],
    )
    reservation = plan.reserve(ALICE, ONE_ROW, AT, fresh)
    assert list(reservation.changes) == [
        "key:k1:requests:60",
        "account:alice:rows:3600",
        "organisation:acme:rows:3600",
        "account:alice:concurrent:0",
        "address:192.0.2.7:rows:3600",
        "model:credit:rows:3600",
        "all:*:rows:3600",
    ]
    assert [charge.bucket for charge in reservation.charges] == list(reservation.changes)


def test_an_empty_owner_or_an_amount_of_nothing_has_no_bucket() -> None:
    plan = Plan(
        [Limit(Scope.KEY, Unit.ROWS, 1), Limit(Scope.ORGANISATION, Unit.ROWS, 1), Limit(Scope.ACCOUNT, Unit.TOKENS, 1)], []
    )
    stranger = Owners(key="", account="alice", organisation="", address="", model="")
    assert plan.reserve(stranger, ONE_ROW, AT, fresh).changes == {}


@given(rows=st.integers(1, 40), factor=st.sampled_from([0.1, 0.5, 1.0]))
def test_either_every_bucket_is_reserved_or_none(rows: int, factor: float) -> None:
    plan = Plan([Limit(Scope.KEY, Unit.ROWS, 10), Limit(Scope.ACCOUNT, Unit.ROWS, 20)], [Limit(Scope.ALL, Unit.ROWS, 30)])
    reservation = plan.reserve(ALICE, Amounts(rows=rows), AT, fresh, factor=factor)
    assert len(reservation.changes) == len(reservation.charges) == (0 if reservation.refused_by else 3)
    assert bool(reservation.refused_by) == (rows > 10 * factor)


def test_the_longest_wait_is_the_one_told() -> None:
    hour, minute = Limit(Scope.ACCOUNT, Unit.ROWS, 1), Limit(Scope.ACCOUNT, Unit.ROWS, 1, per_s=60)
    plan = Plan([minute, hour], [])
    memory = plan.reserve(ALICE, ONE_ROW, AT, fresh).changes
    refused = plan.reserve(ALICE, ONE_ROW, AT, lambda key: memory.get(key, ()))
    assert refused.refused_by == "account:rows:3600"
    assert refused.wait_s == 3600 / 32 * 33 - AT % (3600 / 32)


def test_two_limits_on_one_bucket_are_one_limit_the_stricter() -> None:
    loose, strict = Limit(Scope.ORGANISATION, Unit.ROWS, 100), Limit(Scope.ORGANISATION, Unit.ROWS, 5)
    for plan in (Plan([loose], [strict]), Plan([strict], [loose])):
        assert [part.capacity for part in plan.parts] == [5]
        assert plan.parts[0].tightens


@pytest.mark.parametrize("burst", [None, 10.0])
def test_a_factor_shrinks_the_limits_of_the_tier_and_no_shared_one(burst: float | None) -> None:
    own = Plan([Limit(Scope.ACCOUNT, Unit.ROWS, 10, burst=burst)], [])
    shared = Plan([], [Limit(Scope.MODEL, Unit.ROWS, 10, burst=burst)])
    five_rows, six_rows = Amounts(rows=5), Amounts(rows=6)
    assert not own.reserve(ALICE, five_rows, AT, fresh, factor=0.5).refused_by
    assert own.reserve(ALICE, six_rows, AT, fresh, factor=0.5).refused_by
    assert not shared.reserve(ALICE, six_rows, AT, fresh, factor=0.5).refused_by


def test_a_tightened_burst_also_drains_at_the_tightened_pace() -> None:
    """Sixty a minute, ten at once, at a tenth: one at once, and the next after ten seconds."""
    plan = Plan([Limit(Scope.ACCOUNT, Unit.ROWS, 60, per_s=60, burst=10)], [])
    memory = plan.reserve(ALICE, ONE_ROW, AT, fresh, factor=0.1).changes
    assert plan.reserve(ALICE, ONE_ROW, AT + 9, lambda key: memory.get(key, ()), factor=0.1).wait_s == pytest.approx(1)
    assert not plan.reserve(ALICE, ONE_ROW, AT + 10, lambda key: memory.get(key, ()), factor=0.1).refused_by


def test_one_request_in_flight_fits_under_any_factor() -> None:
    plan = Plan([Limit(Scope.ACCOUNT, Unit.CONCURRENT, 4)], [])
    assert not plan.reserve(ALICE, ONE_ROW, AT, fresh, factor=0.01).refused_by


def test_a_query_too_large_for_a_tightened_limit_only_is_told_a_finite_wait() -> None:
    """Otherwise the missing Retry-After would tell a thief that it is being slowed."""
    plan = Plan([Limit(Scope.ACCOUNT, Unit.ROWS, 10)], [])
    assert plan.reserve(ALICE, Amounts(rows=6), AT, fresh, factor=0.5).wait_s == 3600
    assert plan.reserve(ALICE, Amounts(rows=11), AT, fresh, factor=0.5).wait_s == inf
    assert plan.reserve(ALICE, Amounts(rows=11), AT, fresh).wait_s == inf


def test_an_address_counts_everybody_and_refuses_only_strangers() -> None:
    plan = Plan([], [Limit(Scope.ADDRESS, Unit.ROWS, 1)])
    memory = plan.reserve(ALICE, ONE_ROW, AT, fresh, verified=True).changes
    again = plan.reserve(ALICE, ONE_ROW, AT, lambda key: memory.get(key, ()), verified=True)
    assert again.changes != memory
    assert not again.refused_by
    assert plan.reserve(ALICE, ONE_ROW, AT, lambda key: memory.get(key, ())).refused_by == "address:rows:3600"


def test_the_quota_told_is_the_first_one_sold_by_account() -> None:
    plan = Plan(
        [
            Limit(Scope.KEY, Unit.ROWS, 5),
            Limit(Scope.ACCOUNT, Unit.CONCURRENT, 4),
            Limit(Scope.ACCOUNT, Unit.ROWS, 10, per_s=32),
        ],
        [],
    )
    changes = plan.reserve(ALICE, Amounts(rows=3), AT, fresh).changes
    quota = plan.quota(ALICE, AT, changes, fresh)
    assert quota is not None
    assert (quota.limit, quota.remaining, quota.per_s, quota.reset_s) == (10, 7, 32, 33)
    assert Plan([], []).quota(ALICE, AT, {}, fresh) is None


@pytest.mark.parametrize("scope", [Scope.ADDRESS, Scope.MODEL, Scope.ALL])
def test_a_shared_scope_in_a_tier_is_a_mistake(scope: Scope) -> None:
    with pytest.raises(ConfigError, match=scope.value):
        Plan([Limit(scope, Unit.ROWS, 1)], [])


@pytest.mark.parametrize("scope", [Scope.KEY, Scope.ACCOUNT])
def test_a_private_scope_among_the_shared_limits_is_a_mistake(scope: Scope) -> None:
    with pytest.raises(ConfigError, match=scope.value):
        Plan([], [Limit(scope, Unit.ROWS, 1)])


def test_a_charge_of_a_limit_that_is_gone_is_left_alone() -> None:
    before, after = Plan([Limit(Scope.ACCOUNT, Unit.ROWS, 10)], []), Plan([], [])
    charges = before.reserve(ALICE, Amounts(rows=3), AT, fresh).charges
    assert after.settle(charges, Amounts(), fresh, at_most_reserved=False) == {}


@given(cents=st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_a_refusal_is_a_refusal_however_money_is_rounded(cents: list[int]) -> None:
    plan = Plan([Limit(Scope.ACCOUNT, Unit.MONEY, 1.0, per_s=32)], [])
    memory: dict[str, BucketState] = {}

    def read(key: str) -> BucketState:
        return memory.get(key, ())

    for second, price in enumerate(cents):
        reservation = plan.reserve(ALICE, Amounts(money=price / 100), AT + second / 8, read)
        assert bool(reservation.refused_by) != bool(reservation.changes)
        memory.update(reservation.changes)
        assert all(state[1] <= 1.0 for state in memory.values())
