"""What the engine remembers, in this process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.judgement import Standing
from moatkeeper.errors import StoreError
from moatkeeper.limits.base import BucketState
from moatkeeper.limits.window import Window
from moatkeeper.store.memory import InMemory

AT = 1_800_000_000.0
HOUR = Window(3600.0)


def used(amount: float, at: float = AT) -> BucketState:
    return HOUR.take((), amount, at)


def rows_of(owner: str) -> str:
    return f"account:{owner}:rows:3600"


names = st.sampled_from(["a", "b", "c", "d", "2001:db8::/64"])
writes = st.dictionaries(names.map(rows_of), st.integers(0, 9).map(lambda amount: used(amount) if amount else ()), max_size=5)
steps = st.lists(writes | st.integers(0, 3), max_size=25)


@given(steps=steps)
def test_it_behaves_as_a_plain_dictionary_whenever_it_is_swept(steps: list[dict[str, BucketState] | int]) -> None:
    memory, plain = InMemory(), dict[str, BucketState]()
    for step in steps:
        if isinstance(step, int):
            memory.sweep(AT, most=step)
        else:
            memory.apply(step)
            plain = {key: state for key, state in {**plain, **step}.items() if state}
        assert len(memory) == len(plain)
        assert all(memory.bucket(rows_of(name)) == plain.get(rows_of(name), ()) for name in "abcd")


@given(
    steps=st.lists(writes, max_size=8),
    standings=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(Standing), max_size=4),
    counts=st.lists(st.floats(0.001, 1e12) | st.integers(1, 10**9), max_size=4),
)
def test_a_snapshot_restores_everything(
    steps: list[dict[str, BucketState]], standings: dict[str, Standing], counts: list[float]
) -> None:
    memory = InMemory()
    for step in steps:
        memory.apply(step)
    memory.apply({f"account:{index}:money:3600": used(count) for index, count in enumerate(counts)})
    for account, standing in standings.items():
        memory.stand(account, standing)
    restored = InMemory.restore(memory.snapshot())
    assert restored.snapshot() == memory.snapshot()
    assert list(restored.uses(AT)) == list(memory.uses(AT))
    assert all(restored.standing(account) is standing for account, standing in standings.items())


def test_what_is_in_flight_is_kept_only_on_request() -> None:
    memory = InMemory()
    memory.apply({"account:alice:concurrent:0": (2,), rows_of("alice"): used(1)})
    assert len(InMemory.restore(memory.snapshot())) == 1
    assert InMemory.restore(memory.snapshot(in_flight=True)).bucket("account:alice:concurrent:0") == (2,)


def test_a_sweep_forgets_what_counts_no_more_and_keeps_the_rest() -> None:
    memory = InMemory()
    memory.apply({rows_of("old"): used(5), rows_of("new"): used(5, AT + 3000), "account:old:concurrent:0": (1,)})
    assert memory.sweep(AT + 3600) == 0
    assert memory.sweep(AT + 3600 + 112.5) == 1
    assert memory.bucket(rows_of("old")) == ()
    assert len(memory) == 2


def test_a_sweep_does_a_bounded_part_and_the_next_goes_on() -> None:
    memory = InMemory()
    memory.apply({rows_of(str(owner)): used(1) for owner in range(100)})
    forgotten = [memory.sweep(AT + 7200, most=30) for _ in range(4)]
    assert forgotten == [30, 30, 30, 10]


def test_a_flood_of_invented_owners_pushes_out_itself_and_not_what_was_used_much() -> None:
    memory = InMemory(most_buckets=1000)
    spent = {rows_of(f"customer-{owner}"): used(90) for owner in range(500)}
    memory.apply(spent)
    memory.apply({"all:*:rows:3600": used(45_000), "account:customer-1:concurrent:0": (2,)})
    for owner in range(5000):
        memory.apply({rows_of(f"invented-{owner}"): used(1)})
    assert len(memory) <= 1000
    assert memory.evicted >= 4000
    assert all(memory.bucket(key) == state for key, state in spent.items())
    assert memory.bucket("all:*:rows:3600") == used(45_000)
    assert memory.bucket("account:customer-1:concurrent:0") == (2,)


def test_below_its_limit_nothing_that_counts_is_pushed_out() -> None:
    memory = InMemory(most_buckets=1000)
    for owner in range(1000):
        memory.apply({rows_of(str(owner)): used(1)})
    assert (len(memory), memory.evicted) == (1000, 0)


def test_what_is_in_flight_is_never_pushed_out() -> None:
    memory = InMemory(most_buckets=10)
    memory.apply({f"account:{owner}:concurrent:0": (1,) for owner in range(20)})
    assert len(memory) == 20


def test_the_console_sees_what_an_account_has_used() -> None:
    memory = InMemory()
    memory.apply({rows_of("alice"): used(7), rows_of("alice:b"): used(3), "key:alice:rows:3600": used(2)})
    assert [(use.bucket.limit, use.used) for use in memory.uses(AT, "alice")] == [("account:rows:3600", 7)]
    assert len(list(memory.uses(AT))) == 3


def test_a_standing_is_kept_until_it_is_good_again() -> None:
    memory = InMemory()
    memory.stand("alice", Standing.SUSPENDED)
    assert memory.standings() == {"alice": Standing.SUSPENDED}
    memory.stand("alice", Standing.GOOD)
    assert memory.standing("alice") is Standing.GOOD
    assert memory.standings() == {}


@pytest.mark.parametrize(
    "snapshot",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format":"moatkeeper-memory","version":2,"standings":{},"buckets":{}}',
        b'{"format":"moatkeeper-memory","version":1,"standings":{"a":"angelic"},"buckets":{}}',
        b'{"format":"moatkeeper-memory","version":1,"standings":{},"buckets":{"account:a:rows:3600":[]}}',
        b'{"format":"moatkeeper-memory","version":1,"standings":{},"buckets":{"account:a:rows:3600":[1,"2",3]}}',
        b'{"format":"moatkeeper-memory","version":1,"standings":{},"buckets":{"account:a:rows:3600":7}}',
        b'{"format":"moatkeeper-memory","version":1,"standings":{},"buckets":{"a":[1,2,3]}}',
        InMemory().snapshot()[:-1],
    ],
)
def test_what_is_no_whole_snapshot_is_refused(snapshot: bytes) -> None:
    with pytest.raises(StoreError, match="no snapshot"):
        InMemory.restore(snapshot)
