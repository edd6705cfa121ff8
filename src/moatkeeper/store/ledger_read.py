"""Reading the ledger back: entries that match, the verdict on the whole chain, an export that a stranger can verify."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import orjson

from moatkeeper.errors import LedgerBroken, UsageError
from moatkeeper.evidence.canonical import MICROSECONDS, NotCanonical, Record, microseconds, parse
from moatkeeper.evidence.chain import Entry, Head, verify_chain
from moatkeeper.evidence.export import export_lines, read_export
from moatkeeper.store.ledger_rows import LOWEST, start, stored
from moatkeeper.store.sqlite import FILE_NAME, connect, fact, storing


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One record, read. ``at`` is UTC seconds; ``fields`` holds what the record says beside its kind and time."""

    seq: int
    kind: str
    at: float
    fields: Record
    link: bytes


@dataclass(frozen=True, slots=True)
class Summary:
    """A chain that verified: its records, how many of them are erased, its span of time in UTC seconds, and its head.

    ``first`` and ``last`` are the times of the first and the last record with a body; None where there is none.
    """

    count: int
    erased: int
    first: float | None
    last: float | None
    head: Head


@dataclass(frozen=True, slots=True)
class _Wanted:
    account: str | None
    kind: str | None
    since: float | None
    until: float | None

    def needles(self) -> list[bytes]:
        """Bytes that the canonical body of every match contains, so that SQLite can skip the others unread."""
        pairs = (("account", self.account), ("kind", self.kind))
        return [orjson.dumps({name: value})[1:-1] for name, value in pairs if value is not None]

    def match(self, record: Record, at: int) -> bool:
        return (
            (self.account is None or record.get("account") == self.account)
            and (self.kind is None or record.get("kind") == self.kind)
            and (self.since is None or at >= microseconds(self.since))
            and (self.until is None or at < microseconds(self.until))
        )


class _Watched:
    """Counts entries as they pass to the verifier."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = entries
        self.count = 0
        self.erased = 0
        self.first: Entry | None = None
        self.last: Entry | None = None

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._entries:
            yield entry
            self.count += 1
            if entry.body is None:
                self.erased += 1
            else:
                self.first = self.first or entry
                self.last = entry


def entries(
    data: Path,
    *,
    account: str | None = None,
    since: float | None = None,
    until: float | None = None,
    kind: str | None = None,
    limit: int | None = None,
    after: int = 0,
) -> Iterator[LedgerEntry]:
    """The records of ``data`` that match, in order: from ``since`` up to but not including ``until``, in UTC seconds.

    ``limit``: only the newest so many of them. ``after``: only records with a larger number. Erased records match nothing.
    Raises StoreError, and LedgerBroken where a body cannot be read.
    """
    found = _matching(data, _Wanted(account, kind, since, until), after)
    return found if limit is None else iter(deque(found, maxlen=limit))


def verify(data: Path, known: Head | None = None) -> Summary:
    """What the ledger of ``data`` holds; raises LedgerBroken at its first fault, StoreError where it cannot be read.

    ``known`` is a head noted earlier, which the chain must pass through: nothing else shows that its end was cut off.
    """
    with storing(data / FILE_NAME), closing(connect(data, create=False)) as connection:
        return _summary(start(connection), stored(connection, LOWEST), known)


def verify_file(file: Path, known: Head | None = None) -> Summary:
    """What an export holds; raises LedgerBroken at its first fault, StoreError where it cannot be read."""
    with storing(file), file.open("rb") as lines:
        content = read_export(lines)
        return _summary(content.begin, content.entries, known)


def export(data: Path, *, after: int = 0) -> Iterator[bytes]:
    """The lines of an export of the records with numbers past ``after``, in the form that ``verify_file`` reads.

    Raises StoreError, and UsageError where there is no record ``after``. It writes out what is there, sound or not.
    """
    with storing(data / FILE_NAME), closing(connect(data, create=False)) as connection:
        ledger_id = fact(connection, "ledger_id") or b""
        yield from export_lines(ledger_id, _head_at(connection, after), stored(connection, after + 1))


def _matching(data: Path, wanted: _Wanted, after: int) -> Iterator[LedgerEntry]:
    with storing(data / FILE_NAME), closing(connect(data, create=False)) as connection:
        for entry in stored(connection, after + 1, wanted.needles()):
            if entry.body is None:
                continue
            record, at = _read(entry)
            if wanted.match(record, at):
                fields = {name: value for name, value in record.items() if name not in ("kind", "at")}
                yield LedgerEntry(entry.seq, str(record.get("kind")), at / MICROSECONDS, fields, entry.link)


def _summary(begin: Head, found: Iterable[Entry], known: Head | None) -> Summary:
    watched = _Watched(found)
    head = verify_chain(begin, watched, known)
    return Summary(watched.count, watched.erased, _time(watched.first), _time(watched.last), head)


def _time(entry: Entry | None) -> float | None:
    return None if entry is None else _read(entry)[1] / MICROSECONDS


def _read(entry: Entry) -> tuple[Record, int]:
    try:
        record = parse(entry.body or b"")
    except NotCanonical as error:
        raise LedgerBroken(f"record {entry.seq}: {error}", hint="Run: moatkeeper ledger verify") from error
    at = record.get("at")
    if type(at) is not int:
        raise LedgerBroken(f"record {entry.seq}: it has no time", hint="Run: moatkeeper ledger verify")
    return record, at


def _head_at(connection: sqlite3.Connection, seq: int) -> Head:
    if seq == 0:
        return start(connection)
    row = connection.execute("SELECT link FROM ledger WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise UsageError(f"the ledger has no record {seq}", hint="See: moatkeeper ledger show")
    return Head(seq, bytes(row[0]))
