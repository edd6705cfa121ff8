"""The engine's doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer, Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.errors import ConfigError
from moatkeeper.guard.guard import ADMITTED, Guard, Policy, Price, Tier
from moatkeeper.guard.memory import Memory
from moatkeeper.limits.base import BucketState, Limit, Scope, Unit
from moatkeeper.outputs.coarser import Coarser
from moatkeeper.store.memory import InMemory

AT = 1_800_000_000.0

OWN = (
    Limit(Scope.KEY, Unit.REQUESTS, 8, per_s=32),
    Limit(Scope.ACCOUNT, Unit.ROWS, 10, per_s=64),
    Limit(Scope.ACCOUNT, Unit.TOKENS, 100, per_s=64, burst=60),
    Limit(Scope.ACCOUNT, Unit.CONCURRENT, 3),
)
POLICY = Policy(
    {"default": Tier("default", OWN), "gold": Tier("gold", (Limit(Scope.ACCOUNT, Unit.ROWS, 1000),), FULL_OUTPUT)},
    factors={Standing.RESTRICTED: 0.5},
    shadow=False,
)
NOBODY = Decision(False, False, "", 0.0, Standing.GOOD, Contract())


class Same:
    """Releases what it is given."""

    name = "same"

    def release(self, answer: Answer, contract: Contract) -> Answer:
        return answer


class Broken:
    """Releases nothing."""

    name = "broken"

    def release(self, answer: Answer, contract: Contract) -> Answer:
        raise RuntimeError("outputs failed")


def asked(
    account: str = "alice",
    at: float = AT,
    *,
    rows: int = 1,
    tokens: int = 0,
    basis: Basis = Basis.KEY,
    name: str = "q",
    tier: str = "default",
    organisation: str = "",
) -> Query:
    caller = Caller(Account(account, organisation, tier), f"key-of-{account}", "192.0.2.7", basis)
    return Query(name, caller, "credit", at, Inputs(InputKind.OPAQUE, rows), Cost(rows, tokens))


def used(memory: InMemory, at: float = AT) -> dict[str, float]:
    return {use.bucket.limit: use.used for use in memory.uses(at)}


# Laws

calls = st.lists(
    st.tuples(st.sampled_from(["alice", "bob", "carol"]), st.integers(0, 8), st.integers(1, 6), st.integers(0, 40)), max_size=30
)


def decisions(guard: Guard, history: list[tuple[str, int, int, int]], only: str | None = None) -> list[Decision]:
    """What one account (or everybody) is told when the history is played, each query settled before the next."""
    memory, at, told = InMemory(), AT, []
    for account, pause, rows, tokens in history:
        at += pause
        if only in (None, account):
            query = asked(account, at, rows=rows, tokens=tokens)
            decision = guard.admit(query, memory)
            told.append(decision)
            if decision.admitted:
                guard.settle(query, decision, Usage(rows, tokens // 2), memory)
    return told


@given(history=calls)
def test_one_account_never_changes_anothers_decisions(history: list[tuple[str, int, int, int]]) -> None:
    guard = Guard(POLICY, Same())
    together = decisions(guard, history)
    for account in ("alice", "bob", "carol"):
        its_own = [decision for decision, call in zip(together, history, strict=True) if call[0] == account]
        assert its_own == decisions(guard, history, only=account)


def test_the_law_of_separate_accounts_notices_a_shared_limit() -> None:
    guard = Guard(replace(POLICY, shared=(Limit(Scope.ALL, Unit.ROWS, 10),)), Same())
    history = [("bob", 0, 6, 0), ("alice", 0, 6, 0)]
    assert decisions(guard, history)[1:] != decisions(guard, history, only="alice")


@given(history=calls)
def test_a_verified_account_is_never_refused_because_of_its_neighbours_at_one_address(
    history: list[tuple[str, int, int, int]],
) -> None:
    with_address = Guard(replace(POLICY, shared=(Limit(Scope.ADDRESS, Unit.ROWS, 5),)), Same())
    without = Guard(POLICY, Same())
    assert [d.admitted for d in decisions(with_address, history)] == [d.admitted for d in decisions(without, history)]


def test_an_unverified_caller_is_refused_by_its_address() -> None:
    guard, memory = Guard(replace(POLICY, shared=(Limit(Scope.ADDRESS, Unit.ROWS, 5),)), Same()), InMemory()
    guard.admit(asked("alice", rows=5), memory)
    assert guard.admit(asked("bob", basis=Basis.BEARER), memory).reason == "limit:address:rows:3600"


@given(history=calls)
def test_shadow_mode_says_what_enforcement_would_have_done(history: list[tuple[str, int, int, int]]) -> None:
    shadow = decisions(Guard(replace(POLICY, shadow=True), Same()), history)
    enforced = decisions(Guard(POLICY, Same()), history)
    assert all(decision.admitted for decision in shadow)
    assert [(d.would_admit, d.reason, d.retry_after_s, d.charges) for d in shadow] == [
        (d.admitted, d.reason, d.retry_after_s, d.charges) for d in enforced
    ]


@given(history=calls)
def test_settling_nothing_used_leaves_only_requests(history: list[tuple[str, int, int, int]]) -> None:
    guard, memory, at = Guard(POLICY, Same()), InMemory(), AT
    for account, pause, rows, tokens in history:
        at += pause
        query = asked(account, at, rows=rows, tokens=tokens)
        decision = guard.admit(query, memory)
        if decision.admitted:
            guard.settle(query, decision, Usage(0, 0), memory)
    assert {use.bucket.unit for use in memory.uses(at) if use.used > 1e-9} <= {Unit.REQUESTS}


class Failing(InMemory):
    """A memory whose store is gone when it is written to."""

    def apply(self, changes: Mapping[str, BucketState]) -> None:
        raise OSError("the store is gone")


class Unreadable(InMemory):
    """A memory that fails halfway, after some buckets were read and before the others."""

    def bucket(self, key: str) -> BucketState:
        if ":tokens" in key:
            raise OSError("the store is gone")
        return super().bucket(key)


DOORS: dict[str, Callable[[Guard, Query, Decision, Memory], object]] = {
    "admit": lambda guard, query, decision, memory: guard.admit(query, memory),
    "extend": lambda guard, query, decision, memory: guard.extend(query, decision, 5, memory),
    "settle": lambda guard, query, decision, memory: guard.settle(query, decision, Usage(1, 1), memory),
}


@pytest.mark.parametrize("kind", [Failing, Unreadable])
@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_memory_that_fails_is_left_as_it_was(kind: type[InMemory], door: str) -> None:
    guard, before = Guard(POLICY, Same()), InMemory()
    query = asked(rows=5, tokens=20)
    decision = guard.admit(query, before)
    snapshot = before.snapshot(in_flight=True)
    memory = kind()
    InMemory.apply(memory, {key: before.bucket(key) for key in (charge.bucket for charge in decision.charges)})
    with pytest.raises(OSError, match="the store is gone"):
        DOORS[door](guard, query, decision, memory)
    assert memory.snapshot(in_flight=True) == snapshot


def test_outputs_that_fail_leave_memory_as_it_was() -> None:
    guard, memory = Guard(POLICY, Broken()), InMemory()
    decision = guard.admit(asked(), memory)
    snapshot = memory.snapshot(in_flight=True)
    with pytest.raises(RuntimeError, match="outputs failed"):
        guard.release(asked(), decision, Answer(()))
    assert memory.snapshot(in_flight=True) == snapshot


# One life of a query, worked by hand


def test_a_query_from_admission_to_settlement() -> None:
    guard, memory = Guard(POLICY, Same()), InMemory()
    query = asked(rows=4, tokens=50)
    decision = guard.admit(query, memory)
    assert decision.admitted
    assert decision.would_admit
    assert decision.reason == ADMITTED
    assert used(memory) == {
        "key:requests:32": 1,
        "account:rows:64": 4,
        "account:tokens-burst:64": 50,
        "account:concurrent:0": 1,
    }
    quota = decision.quota
    assert quota is not None
    assert (quota.limit, quota.remaining, quota.per_s) == (10, 6, 64)
    guard.settle(query, decision, Usage(3, 20), memory)
    assert used(memory) == {"key:requests:32": 1, "account:rows:64": 3, "account:tokens-burst:64": 20}


def test_a_refused_query_is_charged_nothing_and_told_how_long_to_wait() -> None:
    guard, memory = Guard(POLICY, Same()), InMemory()
    guard.admit(asked(rows=8), memory)
    before = memory.snapshot(in_flight=True)
    refused = guard.admit(asked(rows=3, at=AT + 1), memory)
    assert (refused.admitted, refused.would_admit, refused.reason) == (False, False, "limit:account:rows:64")
    assert refused.retry_after_s == 65  # slots of 2 seconds: the one that began at AT leaves 33 slots later
    assert refused.charges == ()
    assert memory.snapshot(in_flight=True) == before
    assert guard.admit(asked(rows=3, at=AT + 66), memory).admitted


def test_a_query_larger_than_its_limit_never_fits() -> None:
    refused = Guard(POLICY, Same()).admit(asked(rows=11), InMemory())
    assert (refused.reason, refused.retry_after_s) == ("limit:account:rows:64", inf)


@pytest.mark.parametrize("shadow", [False, True])
@pytest.mark.parametrize("standing", [Standing.SUSPENDED, Standing.TERMINATED])
def test_an_ended_account_is_refused_for_good_in_shadow_mode_too(standing: Standing, shadow: bool) -> None:
    guard, memory = Guard(replace(POLICY, factors={standing: 1.0}, shadow=shadow), Same()), InMemory()
    memory.stand("alice", standing)
    refused = guard.admit(asked(), memory)
    assert (refused.admitted, refused.reason, refused.retry_after_s) == (False, f"standing:{standing.value}", inf)
    assert guard.admit(asked("bob"), memory).admitted


def test_a_standing_tightens_every_limit_of_the_account_and_the_quota_does_not_tell() -> None:
    guard, memory = Guard(POLICY, Same()), InMemory()
    memory.stand("alice", Standing.RESTRICTED)
    assert not guard.admit(asked(rows=6), memory).admitted
    admitted = guard.admit(asked(rows=5), memory)
    assert admitted.standing is Standing.RESTRICTED
    assert admitted.quota == Guard(POLICY, Same()).admit(asked(rows=5), InMemory()).quota


def test_tokens_are_given_back_in_full_when_the_standing_changed_while_they_ran() -> None:
    guard, memory = Guard(POLICY, Same()), InMemory()
    memory.stand("alice", Standing.RESTRICTED)
    query = asked(tokens=20)
    decision = guard.admit(query, memory)
    assert used(memory)["account:tokens-burst:64"] == 40  # a burst is tightened by counting double
    memory.stand("alice", Standing.GOOD)
    guard.settle(query, decision, Usage(1, 5), memory)
    assert used(memory)["account:tokens-burst:64"] == 10


def test_a_model_contract_replaces_that_of_the_tier() -> None:
    policy = replace(POLICY, contracts={"credit": Contract(label_only=True)})
    assert Guard(POLICY, Same()).admit(asked(tier="gold"), InMemory()).contract == FULL_OUTPUT
    assert Guard(policy, Same()).admit(asked(tier="gold"), InMemory()).contract.label_only


def test_an_unknown_tier_is_the_default_tier() -> None:
    assert Guard(POLICY, Same()).admit(asked(tier="platinum"), InMemory()).contract == Contract()


def test_a_missing_default_tier_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="basic"):
        Guard(Policy({"gold": Tier("gold")}, default_tier="basic"), Same())


def test_money_is_reserved_and_settled_by_price() -> None:
    tier = Tier("default", (Limit(Scope.ACCOUNT, Unit.MONEY, 1.0),))
    policy = Policy({"default": tier}, prices={"": Price(per_row=9.0), "credit": Price(0.25, 0.125, 0.0625)}, shadow=False)
    guard, memory = Guard(policy, Same()), InMemory()
    query = asked(rows=2, tokens=4)
    decision = guard.admit(query, memory)
    assert used(memory) == {"account:money:3600": 0.75}
    assert not guard.admit(query, memory).admitted
    guard.settle(query, decision, Usage(2, 0), memory)
    assert used(memory) == {"account:money:3600": 0.5}
    unpriced = replace(query, model="other")
    assert guard.admit(unpriced, memory).retry_after_s == inf  # 2 rows at 9.0 each


# Streams


def test_a_stream_that_outgrows_its_estimate_reserves_more_or_ends() -> None:
    guard, memory = Guard(POLICY, Same()), InMemory()
    query = asked(tokens=40)
    first = guard.admit(query, memory)
    second = guard.extend(query, first, 20, memory)
    assert second is not None
    assert [charge.amount for charge in second.charges if charge.limit == "account:tokens-burst:64"] == [60]
    assert guard.extend(query, second, 20, memory) is None
    guard.settle(query, second, Usage(1, 50), memory)
    assert used(memory)["account:tokens-burst:64"] == 50


def test_a_stream_is_extended_at_the_time_that_it_asks() -> None:
    guard, memory = Guard(POLICY, Same()), InMemory()
    query = asked(tokens=60)
    decision = guard.admit(query, memory)
    assert guard.extend(query, decision, 50, memory) is None
    assert guard.extend(query, decision, 50, memory, at=AT + 32) is not None  # 50 of 60 have drained


@pytest.mark.parametrize("shadow", [False, True])
def test_a_stream_of_an_account_that_is_suspended_meanwhile_ends(shadow: bool) -> None:
    guard, memory = Guard(replace(POLICY, shadow=shadow), Same()), InMemory()
    decision = guard.admit(asked(tokens=10), memory)
    memory.stand("alice", Standing.SUSPENDED)
    assert guard.extend(asked(tokens=10), decision, 1, memory) is None


def test_in_shadow_mode_a_stream_goes_on_and_is_charged_what_enforcement_would_have_let_through() -> None:
    guard, memory = Guard(replace(POLICY, shadow=True), Same()), InMemory()
    query = asked(tokens=40)
    decision = guard.extend(query, guard.admit(query, memory), 30, memory)
    assert decision is not None
    assert (decision.admitted, decision.would_admit, decision.reason) == (True, False, "limit:account:tokens-burst:64")
    assert guard.extend(query, decision, 30, memory) == decision
    guard.settle(query, decision, Usage(1, 100), memory)
    assert used(memory) == {"key:requests:32": 1, "account:rows:64": 1, "account:tokens-burst:64": 40}


def test_what_a_shadow_refused_query_used_is_charged_to_nobody() -> None:
    guard, memory = Guard(replace(POLICY, shadow=True), Same()), InMemory()
    query = asked(rows=11)
    decision = guard.admit(query, memory)
    assert (decision.admitted, decision.would_admit, decision.charges) == (True, False, ())
    guard.settle(query, decision, Usage(11), memory)
    assert used(memory) == {}


def test_no_detector_reads_anything_yet() -> None:
    memory: Memory = InMemory()
    exchange = Exchange(asked(), NOBODY, Answer(()), Answer(()))
    assert Guard(POLICY, Same()).observe(exchange, memory) == ()


@pytest.mark.parametrize("standing", list(Standing))
def test_a_standing_narrows_the_contract_of_tier_and_model_and_nobody_elses(standing: Standing) -> None:
    coarser = {Standing.WATCHED: Coarser(decimals=1), Standing.RESTRICTED: Coarser(label_only=True)}
    contracts = {"m": Contract(decimals=3), "other": Contract(decimals=0)}
    engine, memory = Guard(replace(POLICY, coarser=coarser, contracts=contracts), Same()), InMemory()
    memory.stand("alice", standing)
    expected = {
        Standing.WATCHED: (Contract(decimals=1), Contract(decimals=0)),
        Standing.RESTRICTED: (Contract(decimals=3, label_only=True), Contract(decimals=0, label_only=True)),
    }.get(standing, (Contract(decimals=3), Contract(decimals=0)))
    for model, contract in zip(contracts, expected, strict=True):
        query = replace(asked("alice"), model=model)
        assert engine.admit(query, memory).contract == contract
        assert engine.admit(replace(asked("bob"), model=model), memory).contract == contracts[model]


def test_accounts_in_good_standing_get_the_very_contract_that_was_sold() -> None:
    engine = Guard(replace(POLICY, coarser={Standing.RESTRICTED: Coarser(decimals=1)}), Same())
    query = asked("alice")
    assert engine.admit(query, InMemory()).contract is engine.contract(query)
