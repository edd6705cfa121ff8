"""Accounts of one actor share the limits of one account, and nobody else notices."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer, Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.guard.guard import Guard, Policy, Price, Tier
from moatkeeper.guard.memory import Memory
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.store.memory import InMemory

AT = 1_800_000_000.0
ROWS = Limit(Scope.ACCOUNT, Unit.ROWS, 10, per_s=64)
PLACES = 3
OWN = (
    ROWS,
    Limit(Scope.ACCOUNT, Unit.TOKENS, 100, per_s=64, burst=60),
    Limit(Scope.ACCOUNT, Unit.MONEY, 50, per_s=128),
    Limit(Scope.ACCOUNT, Unit.CONCURRENT, PLACES),
)
POLICY = Policy(
    {"default": Tier("default", OWN)},
    prices={"": Price(per_row=1, per_token=1)},
    factors={Standing.RESTRICTED: 0.5},
    shadow=False,
)
TIED = {"alice": "ring", "bob": "ring"}
ACCOUNTS = ("alice", "bob", "carol")
ACTOR = "\x1fring"


class Same:
    """Releases what it is given."""

    name = "same"

    def release(self, answer: Answer, contract: Contract) -> Answer:
        return answer


def asked(account: str, at: float = AT, *, rows: int = 1, tokens: int = 0, key: str = "") -> Query:
    caller = Caller(Account(account), key, "192.0.2.7", Basis.KEY)
    return Query("q", caller, "credit", at, Inputs(InputKind.OPAQUE, rows), Cost(rows, tokens))


def tied(**actors: str) -> InMemory:
    memory = InMemory()
    memory.watching.actors = actors or TIED
    return memory


def used(memory: InMemory, owner: str, limit: str) -> float:
    """What an owner's bucket counts of one limit."""
    return sum(use.used for use in memory.uses(AT) if (use.bucket.owner, use.bucket.limit) == (owner, limit))


# Laws

Call = tuple[str, int, int, int]
calls = st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.integers(0, 8), st.integers(1, 6), st.integers(0, 40)), max_size=30)


def told(history: list[Call], memory: InMemory, guard: Guard, *, as_one: str = "") -> list[tuple[str, Decision]]:
    """Who was told what, each query settled before the next. ``as_one``: the tied accounts ask as this one."""
    at, found = AT, []
    for account, pause, rows, tokens in history:
        at += pause
        asking = as_one if as_one and account in TIED else account
        query = asked(asking, at, rows=rows, tokens=tokens)
        decision = guard.admit(query, memory)
        found.append((account, decision))
        if decision.admitted:
            guard.settle(query, decision, Usage(rows, tokens // 2), memory)
    return found


@given(history=calls, shadow=st.booleans())
def test_tied_accounts_get_together_what_one_account_gets(history: list[Call], shadow: bool) -> None:
    guard = Guard(replace(POLICY, shadow=shadow), Same())
    together, one = told(history, tied(), guard), told(history, InMemory(), guard, as_one="alice")
    for (_, shared), (_, alone) in zip(together, one, strict=True):
        assert (shared.admitted, shared.would_admit) == (alone.admitted, alone.would_admit)
        assert shared.retry_after_s == alone.retry_after_s
        assert shared.reason.replace("actor", "account") == alone.reason


@given(history=calls)
def test_an_account_that_nobody_tied_is_told_what_it_would_be_told_without_ties(history: list[Call]) -> None:
    guard = Guard(POLICY, Same())
    with_ties, without = told(history, tied(), guard), told(history, InMemory(), guard)
    assert [d for who, d in with_ties if who == "carol"] == [d for who, d in without if who == "carol"]


@given(history=calls)
def test_the_quota_that_a_tied_account_is_told_is_that_of_its_own_bucket(history: list[Call]) -> None:
    guard, memory, at = Guard(POLICY, Same()), tied(), AT
    lonely = InMemory()  # holds what was admitted and no tie
    for account, pause, rows, tokens in history:
        at += pause
        query = asked(account, at, rows=rows, tokens=tokens)
        decision = guard.admit(query, memory)
        if decision.admitted:
            alone = guard.admit(query, lonely)
            assert alone.admitted
            assert alone.quota == decision.quota
            guard.settle(query, decision, Usage(rows, tokens), memory)
            guard.settle(query, alone, Usage(rows, tokens), lonely)


Step = tuple[str, str, int]
steps = st.lists(
    st.tuples(st.sampled_from(["ask", "ask", "grow", "end", "tie", "untie"]), st.sampled_from(ACCOUNTS), st.integers(1, 3)),
    max_size=30,
)


class ForgetsActors(Guard):
    """Settles with the ties of now instead of the charges of then."""

    def settle(self, query: Query, decision: Decision, usage: Usage, memory: Memory) -> None:
        now = memory.watching.actors.get(query.caller.account.id)
        kept = tuple(charge for charge in decision.charges if now or ACTOR not in charge.bucket)
        super().settle(query, replace(decision, charges=kept), usage, memory)


def played(guard: Guard, history: list[Step]) -> InMemory:
    """The memory after everything has ended, with ties made and unmade while queries run. No budget is ever exceeded."""
    memory, running = InMemory(), list[tuple[Query, Decision]]()
    for verb, account, rows in history:
        if verb == "ask":
            query = asked(account, rows=rows, tokens=rows)
            decision = guard.admit(query, memory)
            if decision.admitted:
                running.append((query, decision))
        elif verb == "grow" and running:
            query, decision = running.pop(0)
            running.append((query, guard.extend(query, decision, 5, memory) or decision))
        elif verb == "end" and running:
            query, decision = running.pop(0)
            guard.settle(query, decision, Usage(query.cost.rows, query.cost.tokens), memory)
        elif verb in ("tie", "untie"):
            others = {one: name for one, name in memory.watching.actors.items() if one != account}
            memory.watching.actors = {**others, account: "ring"} if verb == "tie" else others
        assert used(memory, ACTOR, "account:rows:64") <= ROWS.amount
        assert used(memory, ACTOR, "account:concurrent:0") <= PLACES
    for query, decision in running:
        guard.settle(query, decision, Usage(query.cost.rows, query.cost.tokens), memory)
    return memory


def in_flight(memory: InMemory) -> float:
    return sum(use.used for use in memory.uses(AT) if use.bucket.unit is Unit.CONCURRENT)


@given(history=steps)
def test_a_tie_made_or_unmade_while_requests_are_in_flight_leaks_no_place(history: list[Step]) -> None:
    assert in_flight(played(Guard(POLICY, Same()), history)) == 0


def test_the_law_of_places_notices_a_settlement_by_the_ties_of_now() -> None:
    history = [("tie", "alice", 1), ("ask", "alice", 1), ("untie", "alice", 1)]
    assert in_flight(played(Guard(POLICY, Same()), history)) == 0
    assert in_flight(played(ForgetsActors(POLICY, Same()), history)) == 1


# Worked examples


def test_two_tied_accounts_have_ten_rows_and_two_others_have_ten_each() -> None:
    guard, memory = Guard(POLICY, Same()), tied()
    first = guard.admit(asked("alice", rows=6), memory)
    assert first.admitted
    refused = guard.admit(asked("bob", rows=5), memory)
    assert (refused.admitted, refused.reason) == (False, "limit:actor:rows:64")
    assert refused.quota is not None
    assert (refused.quota.limit, refused.quota.remaining) == (10, 10)  # as sold, and as if bob were alone
    assert guard.admit(asked("bob", rows=4), memory).admitted
    assert guard.admit(asked("carol", rows=10), memory).admitted
    assert guard.admit(asked("dora", rows=10), memory).admitted
    assert used(memory, "bob", "account:rows:64") == 4
    assert used(memory, ACTOR, "account:rows:64") == 10


def test_in_shadow_mode_a_tie_counts_and_refuses_nobody() -> None:
    guard, memory = Guard(replace(POLICY, shadow=True), Same()), tied()
    guard.admit(asked("alice", rows=10), memory)
    decision = guard.admit(asked("bob", rows=1), memory)
    assert (decision.admitted, decision.would_admit, decision.reason) == (True, False, "limit:actor:rows:64")


def test_a_stream_outgrows_what_its_actor_has_left() -> None:
    guard, memory = Guard(replace(POLICY, prices={}), Same()), tied()
    assert guard.admit(asked("alice", tokens=50), memory).admitted
    query = asked("bob", tokens=5)
    decision = guard.admit(query, memory)
    assert (longer := guard.extend(query, decision, 5, memory)) is not None
    assert guard.extend(query, longer, 1, memory) is None
    assert guard.extend(asked("carol", tokens=5), decision, 50, memory) is not None


def test_a_stream_that_began_before_the_tie_is_charged_to_the_actor_once_it_grows() -> None:
    guard, memory = Guard(replace(POLICY, prices={}), Same()), InMemory()
    query = asked("bob", rows=2, tokens=5)
    decision = guard.admit(query, memory)
    memory.watching.actors = TIED
    longer = guard.extend(query, decision, 5, memory)
    assert longer is not None
    guard.settle(query, longer, Usage(2, 9), memory)
    assert used(memory, ACTOR, "account:tokens-burst:64") == used(memory, "bob", "account:tokens-burst:64") == 9
    assert used(memory, ACTOR, "account:rows:64") == 0


def test_a_restricted_account_meets_the_tighter_limit_against_what_all_took() -> None:
    guard, memory = Guard(POLICY, Same()), tied()
    memory.stand("bob", Standing.RESTRICTED)
    guard.admit(asked("alice", rows=5), memory)
    assert not guard.admit(asked("bob"), memory).admitted
    assert guard.admit(asked("alice"), memory).admitted


def test_limits_by_key_address_and_model_stay_what_they_were() -> None:
    limits = (Limit(Scope.KEY, Unit.ROWS, 10, per_s=64), Limit(Scope.ORGANISATION, Unit.ROWS, 10, per_s=64))
    shared = tuple(Limit(scope, Unit.ROWS, 100, per_s=64) for scope in (Scope.ADDRESS, Scope.MODEL, Scope.ALL))
    guard, memory = Guard(Policy({"default": Tier("default", limits)}, shared=shared, shadow=False), Same()), tied()
    assert all(guard.admit(asked(one, rows=10, key=f"key of {one}"), memory).admitted for one in TIED)
    assert {use.used for use in memory.uses(AT) if use.bucket.scope is Scope.ALL} == {20}
    assert not used(memory, ACTOR, "account:rows:64")


@pytest.mark.parametrize("name", ["alice", "carol", "x:y", "ring"])
def test_an_actor_called_like_an_account_takes_nothing_from_it(name: str) -> None:
    guard, memory = Guard(POLICY, Same()), tied(alice=name, bob=name)
    guard.admit(asked("alice", rows=6), memory)
    assert guard.admit(asked("carol", rows=10), memory).admitted
    assert guard.admit(asked("ring", rows=10), memory).admitted
    assert not guard.admit(asked("bob", rows=5), memory).admitted


def test_an_actors_buckets_survive_a_snapshot() -> None:
    guard, memory = Guard(POLICY, Same()), tied()
    query = asked("alice", rows=10)
    guard.settle(query, guard.admit(query, memory), Usage(10), memory)
    again = InMemory.restore(memory.snapshot())
    assert again.watching.actors == {}
    again.watching.actors = TIED
    assert not guard.admit(asked("bob"), again).admitted
