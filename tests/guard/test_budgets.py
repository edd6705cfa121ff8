"""No budget is exceeded, however admissions, extensions and settlements interleave."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from moatkeeper.core.answer import Answer, Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.guard.guard import Guard, Policy, Tier
from moatkeeper.guard.memory import Memory
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.store.memory import InMemory

AT = 1_800_000_000.0
ROWS = Limit(Scope.ACCOUNT, Unit.ROWS, 6, per_s=32)
TOKENS = Limit(Scope.ACCOUNT, Unit.TOKENS, 50, per_s=64)
PLACES = Limit(Scope.ACCOUNT, Unit.CONCURRENT, 3)
ALL_ROWS = Limit(Scope.ALL, Unit.ROWS, 10, per_s=32)
POLICY = Policy({"default": Tier("default", (ROWS, TOKENS, PLACES))}, shared=(ALL_ROWS,), shadow=False)


class Same:
    """Releases what it is given."""

    name = "same"

    def release(self, answer: Answer, contract: Contract) -> Answer:
        return answer


class ChargesAfterwards(Guard):
    """What gateways do that learn the cost from the answer: look at the budget now, charge it when all is over."""

    def admit(self, query: Query, memory: Memory) -> Decision:
        decision = super().admit(query, memory)
        if decision.admitted:
            super().settle(query, decision, Usage(0), memory)
        return decision

    def settle(self, query: Query, decision: Decision, usage: Usage, memory: Memory) -> None:
        taken = super().admit(query, memory)
        if taken.admitted:
            super().settle(query, taken, usage, memory)


@dataclass
class Running:
    """A query in flight, and what it may have used by now."""

    query: Query
    decision: Decision
    tokens: list[tuple[float, int]]  # when, how many: the estimate and its extensions


class Budgets(RuleBasedStateMachine):
    """A world with two accounts; it keeps its own books and compares them with the limits."""

    guard_type = Guard

    def __init__(self) -> None:
        super().__init__()
        self.guard, self.memory, self.at = self.guard_type(POLICY, Same()), InMemory(), AT
        self.running: list[Running] = []
        self.rows: list[tuple[str, float, int]] = []  # account, when, how many: settled
        self.tokens: list[tuple[str, float, int]] = []

    @rule(
        account=st.sampled_from(["alice", "bob"]), rows=st.integers(1, 4), tokens=st.integers(1, 30), pause=st.integers(0, 12)
    )
    def admit(self, account: str, rows: int, tokens: int, pause: int) -> None:
        self.at += pause / 2
        caller = Caller(Account(account), "", "", Basis.KEY)
        query = Query("q", caller, "m", self.at, Inputs(InputKind.OPAQUE, rows), Cost(rows, tokens))
        decision = self.guard.admit(query, self.memory)
        if decision.admitted:
            self.running.append(Running(query, decision, [(self.at, tokens)]))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), tokens=st.integers(1, 20), pause=st.integers(0, 12))
    def extend(self, data: st.DataObject, tokens: int, pause: int) -> None:
        self.at += pause / 2
        one = data.draw(st.sampled_from(self.running))
        decision = self.guard.extend(one.query, one.decision, tokens, self.memory, at=self.at)
        if decision is not None:
            one.decision = decision
            one.tokens.append((self.at, tokens))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), share=st.sampled_from([0.0, 0.5, 1.0]))
    def settle(self, data: st.DataObject, share: float) -> None:
        one = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        rows = int(one.query.cost.rows * share)
        tokens = int(sum(count for _, count in one.tokens) * share)
        self.guard.settle(one.query, one.decision, Usage(rows, tokens), self.memory)
        account = one.query.caller.account.id
        self.rows.append((account, one.query.at, rows))
        for when, count in reversed(one.tokens):  # the latest tokens stay, the earliest are given back
            self.tokens.append((account, when, min(count, tokens)))
            tokens -= min(count, tokens)

    @rule()
    def sweep(self) -> None:
        self.memory.sweep(self.at)

    @invariant()
    def no_budget_is_exceeded(self) -> None:
        rows = self.rows + [(one.query.caller.account.id, one.query.at, one.query.cost.rows) for one in self.running]
        tokens = self.tokens + [(one.query.caller.account.id, *take) for one in self.running for take in one.tokens]
        assert self.fullest([(at, count) for _, at, count in rows], ALL_ROWS.per_s) <= ALL_ROWS.amount
        for account in ("alice", "bob"):
            mine = [(at, count) for who, at, count in rows if who == account]
            assert self.fullest(mine, ROWS.per_s) <= ROWS.amount
            mine = [(at, count) for who, at, count in tokens if who == account]
            assert self.fullest(mine, TOKENS.per_s) <= TOKENS.amount
            assert sum(one.query.caller.account.id == account for one in self.running) <= PLACES.amount

    @invariant()
    def nothing_is_counted_twice(self) -> None:
        """When nothing runs and every window is over, nothing is left."""
        if not self.running:
            assert all(use.used == 0 for use in self.memory.uses(self.at + 100))

    @staticmethod
    def fullest(taken: list[tuple[float, int]], per_s: float) -> int:
        return max((sum(count for at, count in taken if begin <= at <= begin + per_s) for begin, _ in taken), default=0)


class BudgetsChargedAfterwards(Budgets):
    """The same world under a guard that does not reserve."""

    guard_type = ChargesAfterwards


ROUNDS = settings(max_examples=100, stateful_step_count=30, deadline=None)
UNSHRUNK = settings(ROUNDS, derandomize=True, database=None, report_multiple_bugs=False, phases=[Phase.generate])


def test_no_interleaving_exceeds_a_budget() -> None:
    run_state_machine_as_test(Budgets, settings=ROUNDS)


def test_the_world_notices_a_guard_that_charges_afterwards() -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(BudgetsChargedAfterwards, settings=UNSHRUNK)
