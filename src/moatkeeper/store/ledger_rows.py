"""The ledger's rows: appending to the chain inside a transaction, and reading it back in short ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from moatkeeper.errors import LedgerBroken
from moatkeeper.evidence.canonical import NotCanonical, Record, Value, canonical, mended, microseconds
from moatkeeper.evidence.chain import CHANGED_HINT, Entry, Head, body_digest, genesis, next_link
from moatkeeper.store.sqlite import fact

ROWS_AN_INSERT = 64
"""Rows that go to SQLite in one step. The interpreter's lock is given up and fought for once a step, not once a row."""
ROWS_A_READ = 2_000
"""Rows that are read at once: larger: more memory, and the log waits longer for a reader."""

LOWEST = -(2**63)
"""The lowest number that a row can have: a verifier begins there, so that nothing hides below the first record."""


class Prepared(NamedTuple):
    """A record in its canonical form, ready to be chained. A named tuple: made for every query, in a third of the time."""

    body: bytes
    digest: bytes


def prepare(kind: str, at: float, fields: Record) -> Prepared:
    """The canonical form of a record; what has none is mended, so that no record is ever lost to its content."""
    record: dict[str, Value] = {**fields, "kind": kind, "at": microseconds(at)}
    try:
        body = canonical(record)
    except NotCanonical:
        body = canonical(mended(record))
    return Prepared(body, body_digest(body))


def head(connection: sqlite3.Connection) -> Head:
    """The end of the chain, as this connection sees it."""
    row = connection.execute("SELECT seq, link FROM ledger ORDER BY seq DESC LIMIT 1").fetchone()
    return start(connection) if row is None else Head(int(row[0]), bytes(row[1]))


def start(connection: sqlite3.Connection) -> Head:
    """The genesis of this database's ledger."""
    ledger_id = fact(connection, "ledger_id")
    if ledger_id is None:
        raise LedgerBroken("record 0: the ledger's id is missing", hint="Restore the database from a backup.")
    return genesis(ledger_id)


def extend(connection: sqlite3.Connection, records: Sequence[Prepared]) -> int:
    """The number of the last record after appending; must run inside ``sqlite.transaction``."""
    end = head(connection)
    seq, link = end.seq, end.link
    for begin in range(0, len(records), ROWS_AN_INSERT):
        values: list[int | bytes] = []
        for record in records[begin : begin + ROWS_AN_INSERT]:
            seq += 1
            link = next_link(link, seq, record.digest)
            values += (seq, record.body, record.digest, link)
        connection.execute(_insert(len(values) // 4), values)
    return seq


def stored(connection: sqlite3.Connection, first: int = 1, containing: Iterable[bytes] = ()) -> Iterator[Entry]:
    """The entries from number ``first`` on, in order, whose bodies contain all the given bytes; memory stays bounded.

    Each read is a transaction of its own: a slow reader never keeps the log from being moved into the database. Raises
    LedgerBroken for a row that no ledger writes.
    """
    needles = tuple(containing)
    where = "".join(" AND instr(body, ?) > 0" for _ in needles)
    last = connection.execute("SELECT coalesce(max(seq), 0) FROM ledger").fetchone()[0]
    statement = f"SELECT seq, body, digest, link FROM ledger WHERE seq BETWEEN ? AND ?{where} ORDER BY seq LIMIT ?"  # noqa: S608
    while True:
        rows = connection.execute(statement, (first, last, *needles, ROWS_A_READ)).fetchall()
        for seq, body, digest, link in rows:
            # SQLite keeps any type in any column, and `replace` in its shell turns bytes into text.
            if not isinstance(body, bytes | None) or not isinstance(digest, bytes) or not isinstance(link, bytes):
                raise LedgerBroken(f"record {seq}: its body, digest or link was changed: expected bytes", hint=CHANGED_HINT)
            yield Entry(seq, body, digest, link)
        if len(rows) < ROWS_A_READ:
            return
        first = rows[-1][0] + 1


def _insert(rows: int) -> str:
    places = ",".join(("(?,?,?,?)",) * rows)
    return f"INSERT INTO ledger (seq, body, digest, link) VALUES {places}"  # noqa: S608
