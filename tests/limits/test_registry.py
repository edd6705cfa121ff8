"""What buckets are called, and which numbers a limit may have."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import ConfigError
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.limits.registry import bucket_ends, check_limit, limit_name, parse_bucket

limits = st.builds(
    Limit,
    scope=st.sampled_from(Scope),
    unit=st.sampled_from(Unit),
    amount=st.integers(1, 10**6),
    per_s=st.sampled_from([0.5, 1.0, 60.0, 3600.0, 2_592_000.0]),
    burst=st.none() | st.integers(1, 100),
)
owners = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.just("2001:db8::/64")


@given(limit=limits, owner=owners)
def test_a_key_can_be_taken_apart_whatever_the_owner_is_called(limit: Limit, owner: str) -> None:
    before, after = bucket_ends(limit)
    bucket = parse_bucket(before + owner + after)
    assert (bucket.scope, bucket.owner, bucket.unit) == (limit.scope, owner, limit.unit)
    assert bucket.limit == limit_name(limit)
    if limit.unit is not Unit.CONCURRENT:
        assert bucket.per_s == limit.per_s


@given(limit=limits)
def test_a_changed_amount_keeps_the_name_and_so_the_history(limit: Limit) -> None:
    assert limit_name(replace(limit, amount=limit.amount + 1)) == limit_name(limit)


def test_names_worked_by_hand() -> None:
    assert limit_name(Limit(Scope.ACCOUNT, Unit.ROWS, 100)) == "account:rows:3600"
    assert limit_name(Limit(Scope.ACCOUNT, Unit.ROWS, 100, burst=10)) == "account:rows-burst:3600"
    assert limit_name(Limit(Scope.ALL, Unit.CONCURRENT, 100)) == "all:concurrent:0"
    assert limit_name(Limit(Scope.KEY, Unit.TOKENS, 100, per_s=2_592_000)) == "key:tokens:2592000"


@pytest.mark.parametrize("key", ["", "account:alice", "nobody:alice:rows:3600", "account:alice:apples:3600", "alice:rows:3600"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError):
        parse_bucket(key)


@pytest.mark.parametrize(
    "limit",
    [
        Limit(Scope.ACCOUNT, Unit.ROWS, -1),
        Limit(Scope.ACCOUNT, Unit.ROWS, nan),
        Limit(Scope.ACCOUNT, Unit.ROWS, inf),
        Limit(Scope.ACCOUNT, Unit.ROWS, 1, per_s=0),
        Limit(Scope.ACCOUNT, Unit.ROWS, 1, per_s=nan),
        Limit(Scope.ACCOUNT, Unit.ROWS, 1, burst=0),
        Limit(Scope.ACCOUNT, Unit.ROWS, 0, burst=1),
    ],
)
def test_numbers_that_make_no_sense_are_refused(limit: Limit) -> None:
    with pytest.raises(ConfigError, match="account/rows"):
        check_limit(limit)
