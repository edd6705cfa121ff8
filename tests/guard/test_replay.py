"""An old log through the same doors."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.answer import Answer, Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.guard.guard import Guard, Policy, Tier
from moatkeeper.guard.replay import Arrived, Event, Extended, Refusals, Replay, Report, Settled, replay
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.store.memory import InMemory

AT = 1_800_000_000.0
POLICY = Policy(
    {
        "default": Tier(
            "default",
            (
                Limit(Scope.ACCOUNT, Unit.ROWS, 8, per_s=32),
                Limit(Scope.ACCOUNT, Unit.TOKENS, 50, per_s=64, burst=40),
                Limit(Scope.ACCOUNT, Unit.CONCURRENT, 2),
            ),
        )
    },
    shared=(Limit(Scope.ALL, Unit.ROWS, 12, per_s=32),),
    shadow=False,
)


class Same:
    """Releases what it is given."""

    name = "same"

    def release(self, answer: Answer, contract: Contract) -> Answer:
        return answer


GUARD = Guard(POLICY, Same())


def asked(name: str, account: str, at: float, rows: int, tokens: int = 0) -> Query:
    caller = Caller(Account(account), "", "", Basis.KEY)
    return Query(name, caller, "m", at, Inputs(InputKind.OPAQUE, rows), Cost(rows, tokens))


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """What a gateway saw: arrivals, extensions and settlements in a possible order, of queries refused here or not."""
    log: list[Event] = []
    at, running = AT, list[str]()
    for step in range(draw(st.integers(1, 25))):
        at += draw(st.integers(0, 8))
        what = draw(st.sampled_from(["arrive", "arrive", "extend", "settle"]))
        if what == "arrive" or not running:
            name = f"q{step}"
            account = draw(st.sampled_from(["alice", "bob"]))
            log.append(Arrived(asked(name, account, at, draw(st.integers(1, 5)), draw(st.integers(0, 20)))))
            running.append(name)
        elif what == "extend":
            log.append(Extended(draw(st.sampled_from(running)), draw(st.integers(1, 20)), at))
        else:
            name = running.pop(draw(st.integers(0, len(running) - 1)))
            log.append(Settled(name, Usage(draw(st.integers(0, 5)), draw(st.integers(0, 30))), at))
    return log


def live(log: list[Event], memory: InMemory) -> list[Decision]:
    """The decisions of a gateway that calls the guard's doors itself."""
    decisions: list[Decision] = []
    running: dict[str, tuple[Query, Decision]] = {}
    for event in log:
        if isinstance(event, Arrived):
            decision = GUARD.admit(event.query, memory)
            decisions.append(decision)
            if decision.admitted:
                running[event.query.id] = (event.query, decision)
        elif event.query_id in running and isinstance(event, Extended):
            query, decision = running[event.query_id]
            running[event.query_id] = (query, GUARD.extend(query, decision, event.tokens, memory, at=event.at) or decision)
        elif event.query_id in running and isinstance(event, Settled):
            query, decision = running.pop(event.query_id)
            GUARD.settle(query, decision, event.usage, memory)
    return decisions


@given(log=logs())
def test_replay_equals_live(log: list[Event]) -> None:
    mine, theirs = InMemory(), InMemory()
    assert [outcome.decision for outcome in replay(log, GUARD, mine)] == live(log, theirs)
    assert mine.snapshot(in_flight=True) == theirs.snapshot(in_flight=True)


@given(log=logs(), cut=st.integers(0, 25))
def test_a_replay_can_be_cut_anywhere_and_gone_on_with_from_a_snapshot(log: list[Event], cut: int) -> None:
    whole = [outcome.decision for outcome in replay(log, GUARD, InMemory())]
    memory = InMemory()
    first = Replay(GUARD, memory)
    before = [outcome.decision for event in log[:cut] if (outcome := first.feed(event))]
    restored = InMemory.restore(memory.snapshot(in_flight=True))
    second = Replay(Guard(POLICY, Same()), restored, first.open)
    after = [outcome.decision for event in log[cut:] if (outcome := second.feed(event))]
    assert before + after == whole


def test_the_law_of_the_cut_notices_a_snapshot_without_what_is_in_flight() -> None:
    log: list[Event] = [Arrived(asked(f"q{turn}", "alice", AT, 1)) for turn in range(3)]
    memory = InMemory()
    first = Replay(GUARD, memory)
    for event in log[:2]:
        first.feed(event)
    second = Replay(GUARD, InMemory.restore(memory.snapshot()), first.open)
    outcome = second.feed(log[2])
    assert outcome is not None
    assert outcome.decision.admitted  # though two of two places are taken


def test_events_about_queries_that_are_not_open_are_passed_over() -> None:
    memory = InMemory()
    running = Replay(GUARD, memory)
    running.feed(Arrived(asked("refused", "alice", AT, 9)))
    assert running.feed(Settled("refused", Usage(9), AT + 1)) is None
    assert running.feed(Extended("before the log", 9, AT + 1)) is None
    assert (running.open, len(memory)) == ((), 0)


def test_the_report_says_whom_enforcement_would_have_refused_and_why() -> None:
    guard = Guard(Policy(POLICY.tiers, shared=POLICY.shared), Same())  # shadow mode, as the gateway starts
    log: list[Event] = []
    for turn, (account, rows) in enumerate([("alice", 8), ("alice", 3), ("bob", 5), ("alice", 9)]):
        log.append(Arrived(asked(f"q{turn}", account, AT, rows)))
        log.append(Settled(f"q{turn}", Usage(rows), AT))
    report = Report()
    for outcome in replay(log, guard, InMemory()):
        assert outcome.decision.admitted
        report.add(outcome)
    assert (report.queries, report.rows) == (4, 25)
    assert (report.refused_queries, report.refused_rows) == (3, 17)
    assert report.by_account() == {"alice": Refusals(2, 12), "bob": Refusals(1, 5)}
    assert report.by_reason() == {"limit:account:rows:32": Refusals(2, 12), "limit:all:rows:32": Refusals(1, 5)}
    assert report.longest_retry_s == 33
