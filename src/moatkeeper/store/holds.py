"""What keeps the automatic off an account: a person's hold, and the allow-list; both end by themselves, with their history."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from moatkeeper.evidence.records import ALLOWANCE, HOLD, allowance_record, hold_record
from moatkeeper.guard.ladder import Hold
from moatkeeper.store.keys import check_name
from moatkeeper.store.ledger_rows import extend, prepare
from moatkeeper.store.sqlite import FILE_NAME, connect, storing, transaction
from moatkeeper.store.standings import ACCOUNT_LIMIT, NOTE_LIMIT


class Scope(StrEnum):
    """Whom an allowance is for."""

    ACCOUNT = "account"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class HoldGiven:
    """A person's word that an account is not to be raised before ``until`` (UTC seconds); it had so much evidence then."""

    account: str
    until: float
    evidence: float
    reason: str
    note: str
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """An account or organisation that may do what looks like theft, until then: a licence to distil, a batch, an own test.

    One that was taken back ends at the time of that.
    """

    scope: Scope
    name: str
    until: float
    reason: str
    note: str
    who: str
    at: float


class Holds:
    """Holds and allowances of one data directory, the last word on each in memory."""

    def __init__(self, data: Path, *, create: bool = True) -> None:
        self._path = data / FILE_NAME
        self._connection = connect(data, create=create)
        self._lock = threading.Lock()
        self._holds: dict[str, HoldGiven] = {}
        self._allowances: dict[tuple[Scope, str], Allowance] = {}
        self._seen = (0, 0)
        try:
            self.refresh()
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def open(cls, data: Path, *, create: bool = True) -> Self:
        """The holds of ``data``; raises StoreError."""
        return cls(data, create=create)

    def hold(self, account: str, at: float) -> Hold | None:
        """The hold in force on an account."""
        given = self._holds.get(account)
        return Hold(given.until, given.evidence) if given is not None and at < given.until else None

    def allowance(self, account: str, organisation: str, at: float) -> Allowance | None:
        """The allowance in force for an account, its own before its organisation's."""
        for key in ((Scope.ACCOUNT, account), (Scope.ORGANISATION, organisation)):
            found = self._allowances.get(key)
            if found is not None and at < found.until:
                return found
        return None

    @property
    def organisations(self) -> frozenset[str]:
        """Organisations with an allowance, in force or not."""
        return frozenset(name for scope, name in self._allowances if scope is Scope.ORGANISATION)

    def allowances(self) -> tuple[Allowance, ...]:
        """The last word on each account and organisation, in the order of their names."""
        return tuple(self._allowances[key] for key in sorted(self._allowances))

    def give_hold(
        self,
        account: str,
        until: float,
        *,
        evidence: float,
        reason: str,
        note: str = "",
        who: str = "",
        at: float | None = None,
    ) -> HoldGiven:
        """The hold, durable and in the ledger, both or neither; one that ends at once takes an older one back."""
        _check(account, reason, note)
        given = HoldGiven(account, until, evidence, reason, note, who, time.time() if at is None else at)
        with self._lock, storing(self._path), transaction(self._connection):
            self._connection.execute(
                "INSERT INTO holds (account, until, evidence, reason, note, who, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (account, until, evidence, reason, note, who, given.at),
            )
            fields = hold_record(account, until, evidence, reason=reason, note=note, who=who)
            extend(self._connection, [prepare(HOLD, given.at, fields)])
        self.refresh()
        return given

    def allow(
        self, scope: Scope, name: str, until: float, *, reason: str, note: str = "", who: str = "", at: float | None = None
    ) -> Allowance:
        """The allowance, durable and in the ledger, both or neither; one that ends at once takes an older one back."""
        _check(name, reason, note)
        given = Allowance(scope, name, until, reason, note, who, time.time() if at is None else at)
        with self._lock, storing(self._path), transaction(self._connection):
            self._connection.execute(
                "INSERT INTO allowances (scope, name, until, reason, note, who, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (scope.value, name, until, reason, note, who, given.at),
            )
            fields = allowance_record(scope.value, name, until, reason=reason, note=note, who=who)
            extend(self._connection, [prepare(ALLOWANCE, given.at, fields)])
        self.refresh()
        return given

    def hold_history(self, account: str) -> list[HoldGiven]:
        """All holds on an account, oldest first."""
        with self._lock, storing(self._path):
            rows = self._connection.execute(f"{_HOLDS} WHERE account = ? ORDER BY revision", (account,)).fetchall()
        return [_hold(row) for row in rows]

    def refresh(self) -> None:
        """Takes in what this process or another has given since. Cheap enough for once a second."""
        with self._lock, storing(self._path):
            last_hold, last_allowance = self._seen
            for row in self._connection.execute(f"{_HOLDS} WHERE revision > ? ORDER BY revision", (last_hold,)):
                self._holds[row[0]], last_hold = _hold(row), row[-1]
            for row in self._connection.execute(f"{_ALLOWANCES} WHERE revision > ? ORDER BY revision", (last_allowance,)):
                self._allowances[Scope(row[0]), row[1]], last_allowance = _allowance(row), row[-1]
            self._seen = (last_hold, last_allowance)

    def close(self) -> None:
        """Ends the connection; what is in memory can still be asked for."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


_HOLDS = "SELECT account, until, evidence, reason, note, who, at, revision FROM holds"
_ALLOWANCES = "SELECT scope, name, until, reason, note, who, at, revision FROM allowances"


def _check(name: str, reason: str, note: str) -> None:
    check_name("name", name, limit=ACCOUNT_LIMIT)
    check_name("reason", reason)
    check_name("note", note, least=0, limit=NOTE_LIMIT)


def _hold(row: sqlite3.Row) -> HoldGiven:
    account, until, evidence, reason, note, who, at, _ = row
    return HoldGiven(account, until, evidence, reason, note, who, at)


def _allowance(row: sqlite3.Row) -> Allowance:
    scope, name, until, reason, note, who, at, _ = row
    return Allowance(Scope(scope), name, until, reason, note, who, at)
