"""An old log through the same doors: what the engine would have decided, and whom it would have refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from moatkeeper.core.answer import Usage
from moatkeeper.core.judgement import Decision
from moatkeeper.core.query import Query
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.memory import Memory


@dataclass(frozen=True, slots=True)
class Arrived:
    """A query came in, at its own time."""

    query: Query


@dataclass(frozen=True, slots=True)
class Extended:
    """A running stream wanted more tokens than it had reserved."""

    query_id: str
    tokens: int
    at: float


@dataclass(frozen=True, slots=True)
class Settled:
    """A query ended, with what it truly cost."""

    query_id: str
    usage: Usage
    at: float


Event = Arrived | Extended | Settled
"""What happened at a gateway, in the order in which it happened there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A query and what was decided on it."""

    query: Query
    decision: Decision


class Replay:
    """A guard driven by events instead of calls.

    It can be cut after any event and gone on with elsewhere: its whole state is the memory (a snapshot that keeps what is
    in flight) and ``open``, the admitted queries that are not settled yet. An event about a query that is not open is
    passed over: in a log of what another policy allowed, those are the queries that this policy refuses, and those that
    began before the log did.
    """

    def __init__(self, guard: Guard, memory: Memory, open_queries: Iterable[Outcome] = ()) -> None:
        self._guard = guard
        self._memory = memory
        self._open = {outcome.query.id: outcome for outcome in open_queries}

    @property
    def open(self) -> tuple[Outcome, ...]:
        """The admitted queries that are not settled yet, oldest first."""
        return tuple(self._open.values())

    def feed(self, event: Event) -> Outcome | None:
        """The outcome where the event was an arrival; None where it was about an earlier query."""
        if isinstance(event, Arrived):
            return self._arrive(event.query)
        outcome = self._open.get(event.query_id)
        if outcome is None:
            return None
        query, decision = outcome.query, outcome.decision
        if isinstance(event, Settled):
            self._guard.settle(query, decision, event.usage, self._memory)
            del self._open[event.query_id]
            return None
        extended = self._guard.extend(query, decision, event.tokens, self._memory, at=event.at)
        if extended is not None:
            self._open[event.query_id] = Outcome(query, extended)
        return None

    def _arrive(self, query: Query) -> Outcome:
        outcome = Outcome(query, self._guard.admit(query, self._memory))
        if outcome.decision.admitted:
            self._open[query.id] = outcome
        return outcome


def replay(events: Iterable[Event], guard: Guard, memory: Memory) -> Iterator[Outcome]:
    """The outcome of every arrival, in order; ``memory`` changes as the guard's would have."""
    running = Replay(guard, memory)
    for event in events:
        outcome = running.feed(event)
        if outcome is not None:
            yield outcome


class Refusals(NamedTuple):
    """How often something was refused, and the rows in it."""

    queries: int
    rows: int


@dataclass(slots=True)
class Report:
    """Sums over outcomes: who would have been refused, and why. ``add`` is the only way to change it."""

    queries: int = 0
    rows: int = 0
    refused_queries: int = 0
    refused_rows: int = 0
    longest_retry_s: float = 0.0  # of the refusals that waiting ends
    _queries_by: Counter[tuple[str, str]] = field(default_factory=Counter)  # account and reason
    _rows_by: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Counts one outcome; refused is what enforcement would have refused, whether or not this was shadow mode."""
        query, decision = outcome.query, outcome.decision
        rows = query.cost.rows
        self.queries += 1
        self.rows += rows
        if decision.would_admit:
            return
        self.refused_queries += 1
        self.refused_rows += rows
        if decision.retry_after_s < float("inf"):
            self.longest_retry_s = max(self.longest_retry_s, decision.retry_after_s)
        who = (query.caller.account.id, decision.reason)
        self._queries_by[who] += 1
        self._rows_by[who] += rows

    def by_reason(self) -> dict[str, Refusals]:
        """Refusals by reason code, most queries first."""
        return self._summed(1)

    def by_account(self) -> dict[str, Refusals]:
        """Refusals by account, most queries first."""
        return self._summed(0)

    def _summed(self, index: int) -> dict[str, Refusals]:
        queries: Counter[str] = Counter()
        rows: Counter[str] = Counter()
        for who, count in self._queries_by.items():
            queries[who[index]] += count
            rows[who[index]] += self._rows_by[who]
        return {name: Refusals(count, rows[name]) for name, count in queries.most_common()}
