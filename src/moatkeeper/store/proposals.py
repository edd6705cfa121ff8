"""Proposals: what the guard asks a person to decide, at most one open for each account, and what was decided."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from moatkeeper.core.judgement import Standing
from moatkeeper.errors import UsageError
from moatkeeper.evidence.records import PROPOSAL, proposal_record
from moatkeeper.guard.ladder import Kind, Move
from moatkeeper.store.keys import check_name
from moatkeeper.store.ledger_rows import extend, prepare
from moatkeeper.store.sqlite import FILE_NAME, connect, storing, transaction
from moatkeeper.store.standings import ACCOUNT_LIMIT, KEEPER, NOTE_LIMIT

OPEN, APPROVED, DISMISSED = "open", "approved", "dismissed"
MOST_LISTED = 1_000
"""Open proposals that are read at once, the strongest first."""

_COLUMNS = "id, account, model, standing, kind, reason, words, evidence, p_value, asked, at, state, who, closed"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A standing that is proposed for an account. ``kind`` is ``ranked`` where evidence means nothing but an order."""

    id: int
    account: str
    model: str
    standing: Standing
    kind: Kind
    reason: str
    words: str
    evidence: float
    p_value: float
    rows: int
    at: float
    state: str
    who: str
    closed: float | None


class Proposals:
    """The proposals of one data directory."""

    def __init__(self, data: Path, *, create: bool = True) -> None:
        self._path = data / FILE_NAME
        self._connection = connect(data, create=create)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, data: Path, *, create: bool = True) -> Self:
        """The proposals of ``data``; raises StoreError."""
        return cls(data, create=create)

    def propose(self, move: Move) -> None:
        """Opens a proposal, in the ledger too; one that is open already for the account takes the stronger reason."""
        check_name("account", move.account, limit=ACCOUNT_LIMIT)
        words = printable(move.words)
        with self._lock, storing(self._path), transaction(self._connection):
            known = self._connection.execute(
                "SELECT id, evidence, p_value FROM proposals WHERE account = ? AND state = 'open'", (move.account,)
            ).fetchone()
            values = (move.model, move.after.value, move.kind.value, move.reason, words)
            figures = (move.evidence, move.p_value, move.rows, move.at)
            if known is not None:
                if move.evidence > known[1] or move.p_value < known[2]:
                    self._connection.execute(
                        "UPDATE proposals SET model = ?, standing = ?, kind = ?, reason = ?, words = ?, evidence = ?, "
                        "p_value = ?, asked = ?, at = ? WHERE id = ?",
                        (*values, *figures, known[0]),
                    )
                return
            self._connection.execute(
                "INSERT INTO proposals (account, model, standing, kind, reason, words, evidence, p_value, asked, at, state, "
                "who) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', '')",
                (move.account, *values, *figures),
            )
            fields = proposal_record(
                move.account, move.after, OPEN, reason=move.reason, words=words, evidence=move.evidence, who=KEEPER
            )
            extend(self._connection, [prepare(PROPOSAL, move.at, fields)])

    def close_one(self, account: str, state: str, *, who: str, at: float | None = None) -> Proposal:
        """Approves or dismisses the open proposal for an account; raises UsageError where there is none.

        To approve changes no standing: that is another change, with a history of its own.
        """
        moment = time.time() if at is None else at
        with self._lock, storing(self._path), transaction(self._connection):
            row = self._connection.execute(f"{_SELECT} WHERE account = ? AND state = 'open'", (account,)).fetchone()
            if row is None:
                raise UsageError(
                    f"{account}: found no open proposal", hint="moatkeeper standing proposals lists those that wait"
                )
            found = _proposal(row)
            self._connection.execute(
                "UPDATE proposals SET state = ?, who = ?, closed = ? WHERE id = ?", (state, who, moment, found.id)
            )
            fields = proposal_record(
                account, found.standing, state, reason=found.reason, words=found.words, evidence=found.evidence, who=who
            )
            extend(self._connection, [prepare(PROPOSAL, moment, fields)])
        return found

    def waiting(self, most: int = MOST_LISTED) -> list[Proposal]:
        """Open proposals: those that rest on a bound before those that only rank, each the strongest first."""
        with self._lock, storing(self._path):
            rows = self._connection.execute(
                f"{_SELECT} WHERE state = 'open' ORDER BY kind = 'ranked', -evidence, p_value, id LIMIT ?", (most,)
            ).fetchall()
        return [_proposal(row) for row in rows]

    def count(self) -> int:
        """The number of open proposals."""
        with self._lock, storing(self._path):
            return int(self._connection.execute("SELECT count(*) FROM proposals WHERE state = 'open'").fetchone()[0])

    def history(self, account: str) -> list[Proposal]:
        """All proposals for an account, oldest first."""
        with self._lock, storing(self._path):
            rows = self._connection.execute(f"{_SELECT} WHERE account = ? ORDER BY id", (account,)).fetchall()
        return [_proposal(row) for row in rows]

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


_SELECT = f"SELECT {_COLUMNS} FROM proposals"  # noqa: S608


def printable(words: str) -> str:
    """Words that a store takes: what does not print is left out, and what is too long is cut."""
    return "".join(letter for letter in words if letter.isprintable())[:NOTE_LIMIT]


def _proposal(row: sqlite3.Row) -> Proposal:
    number, account, model, standing, kind, *rest = row
    reason, words, evidence, p_value, rows, at, state, who, closed = rest
    return Proposal(
        number, account, model, Standing(standing), Kind(kind), reason, words, evidence, p_value, rows, at, state, who, closed
    )
