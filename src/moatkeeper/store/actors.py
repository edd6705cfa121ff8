"""Actors: accounts that a person tied together, so that they share the limits of one account, with the whole history."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from moatkeeper.errors import UsageError
from moatkeeper.evidence.records import TIE, tie_record
from moatkeeper.store.keys import check_name
from moatkeeper.store.ledger_rows import extend, prepare
from moatkeeper.store.sqlite import FILE_NAME, connect, storing, transaction
from moatkeeper.store.standings import ACCOUNT_LIMIT, NOTE_LIMIT

UNTIED = "untied"
"""The reason of a change that lets an account stand alone again."""

_TIES = "SELECT account, actor, reason, note, who, at, revision FROM ties"


@dataclass(frozen=True, slots=True)
class Tie:
    """An account became one of an actor's, or stands alone again (``actor`` is empty). ``at`` is UTC seconds."""

    account: str
    actor: str
    reason: str
    note: str
    who: str
    at: float


class Actors:
    """The ties of one data directory, held in memory. An account has one actor at most; most have none and cost nothing.

    Only a person ties. Nothing here looks at traffic, networks or payments.
    """

    def __init__(self, data: Path, *, create: bool = True) -> None:
        self._path = data / FILE_NAME
        self._connection = connect(data, create=create)
        self._lock = threading.Lock()
        self._current: dict[str, Tie] = {}
        self._revision = 0
        try:
            self.refresh()
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def open(cls, data: Path, *, create: bool = True) -> Self:
        """The ties of ``data``; raises StoreError."""
        return cls(data, create=create)

    def of(self, account: str) -> Tie | None:
        """The tie in force of an account; None where it stands alone."""
        return self._current.get(account)

    def all(self) -> dict[str, str]:
        """The actor of every account that is tied; a copy."""
        return {account: tie.actor for account, tie in self._current.items()}

    def ties(self) -> list[Tie]:
        """All ties in force, by actor and account."""
        return sorted(self._current.values(), key=lambda tie: (tie.actor, tie.account))

    def tie(
        self, actor: str, accounts: Iterable[str], *, reason: str, note: str = "", who: str = "", at: float | None = None
    ) -> list[Tie]:
        """The ties, durable and in the ledger, all of them or none; accounts of another actor leave it.

        Raises UsageError for unprintable or empty names, and where no account is named.
        """
        names = list(dict.fromkeys(accounts))
        if not names:
            raise UsageError("found no account to tie, expected one or more")
        check_name("actor", actor)
        for account in names:
            check_name("account", account, limit=ACCOUNT_LIMIT)
        now = time.time() if at is None else at
        return self._write([Tie(account, actor, reason, note, who, now) for account in names])

    def untie(self, account: str, *, reason: str = UNTIED, note: str = "", who: str = "", at: float | None = None) -> Tie:
        """The tie that was, which is no longer; raises UsageError where there was none."""
        self.refresh()
        before = self._current.get(account)
        if before is None:
            raise UsageError(f"{account[:ACCOUNT_LIMIT]!r}: found no tie of this account, expected one")
        self._write([Tie(account, "", reason, note, who, time.time() if at is None else at)])
        return before

    def history(self, account: str | None = None) -> list[Tie]:
        """All changes, oldest first; of one account where it is named."""
        with self._lock, storing(self._path):
            rows = self._connection.execute(f"{_TIES} WHERE ? IS NULL OR account = ? ORDER BY revision", (account, account))
            return [_tie(row) for row in rows]

    def refresh(self) -> bool:
        """Takes in what was changed since, here or elsewhere; whether anything was. Cheap enough for once a second."""
        seen = self._revision
        with self._lock, storing(self._path):
            for row in self._connection.execute(f"{_TIES} WHERE revision > ? ORDER BY revision", (self._revision,)):
                tie = _tie(row)
                if tie.actor:
                    self._current[tie.account] = tie
                else:
                    self._current.pop(tie.account, None)
                self._revision = row[-1]
        return self._revision != seen

    def close(self) -> None:
        """Ends the connection; what is in memory can still be asked for."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _write(self, ties: list[Tie]) -> list[Tie]:
        check_name("reason", ties[0].reason)
        check_name("note", ties[0].note, least=0, limit=NOTE_LIMIT)
        with self._lock, storing(self._path), transaction(self._connection):
            records = []
            for tie in ties:
                row = self._connection.execute(
                    "SELECT actor FROM ties WHERE account = ? ORDER BY revision DESC LIMIT 1", (tie.account,)
                ).fetchone()
                before = "" if row is None else str(row[0])
                fields = tie_record(tie.account, before, tie.actor, reason=tie.reason, note=tie.note, who=tie.who)
                records.append(prepare(TIE, tie.at, fields))
            self._connection.executemany(
                "INSERT INTO ties (account, actor, reason, note, who, at) VALUES (?, ?, ?, ?, ?, ?)",
                [(tie.account, tie.actor, tie.reason, tie.note, tie.who, tie.at) for tie in ties],
            )
            extend(self._connection, records)
        self.refresh()
        return ties


def _tie(row: sqlite3.Row) -> Tie:
    account, actor, reason, note, who, at, _ = row
    return Tie(account, actor, reason, note, who, at)
