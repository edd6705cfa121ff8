"""Queries out of the ledger, as events that a guard can go through again."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from moatkeeper.core.answer import Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.evidence.canonical import MICROSECONDS
from moatkeeper.evidence.records import QUERY
from moatkeeper.guard.replay import Arrived, Event, Settled
from moatkeeper.store.ledger_read import entries


@dataclass(frozen=True, slots=True)
class Logged:
    """One query of an old log: who, when, how much, and how long it took."""

    query: Query
    usage: Usage
    took_s: float


def logged_queries(data: Path, *, after: int = 0) -> list[Logged]:
    """The queries in the ledger of ``data`` with record numbers past ``after``, in the order of their arrival."""
    found = [logged_query(str(one.seq), one.at, one.fields) for one in entries(data, kind=QUERY, after=after)]
    return sorted(found, key=lambda one: one.query.at)


def logged_query(number: str, at: float, fields: Mapping[str, object]) -> Logged:
    """A query record. What was refused then is replayed as asked; it may be served now."""
    text = {name: str(fields.get(name, "")) for name in ("account", "organisation", "tier", "key", "address", "model")}
    asked, rows, tokens = (_count(fields.get(name)) for name in ("asked_rows", "rows", "tokens"))
    account = Account(text["account"], text["organisation"], text["tier"])
    caller = Caller(account, text["key"], text["address"], Basis(str(fields["basis"])))
    usage = Usage(rows, tokens) if fields.get("admitted") else Usage(asked)
    query = query_of_log(number, caller, text["model"], at, asked, tokens)
    return Logged(query, usage, _count(fields.get("latency_us")) / MICROSECONDS)


def query_of_log(number: str, caller: Caller, model: str, at: float, rows: int, tokens: int) -> Query:
    """A query of which only the size is known."""
    return Query(number, caller, model, at, Inputs(InputKind.OPAQUE, rows), Cost(rows, tokens))


def events(logged: Iterable[Logged]) -> Iterator[Event]:
    """Arrivals and settlements in the order of time; ``logged`` is in the order of arrival."""
    running: list[tuple[float, int, Settled]] = []
    for number, one in enumerate(logged):
        while running and running[0][0] <= one.query.at:
            yield heapq.heappop(running)[2]
        yield Arrived(one.query)
        ends = one.query.at + one.took_s
        heapq.heappush(running, (ends, number, Settled(one.query.id, one.usage, ends)))
    while running:
        yield heapq.heappop(running)[2]


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
