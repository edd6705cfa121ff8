"""Standings of accounts: what holds now, and the whole history of who changed it, when and why."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from moatkeeper.core.judgement import Standing
from moatkeeper.errors import StoreError
from moatkeeper.evidence.records import STANDING, standing_record
from moatkeeper.store.keys import check_name
from moatkeeper.store.ledger_rows import extend, prepare
from moatkeeper.store.sqlite import FILE_NAME, connect, storing, transaction

NOTE_LIMIT = 2_000
ACCOUNT_LIMIT = 256
"""As long as a signed token or a proxy may name an account."""

KEEPER = "moatkeeper"
"""Who changes a standing where no person does."""
UNDO = "undo"
"""The reason of a change that takes the one before it back."""

_COLUMNS = "account, standing, reason, note, who, at, automatic, revision"


@dataclass(frozen=True, slots=True)
class StandingChange:
    """One change of an account's standing. ``at`` is UTC seconds; ``reason`` a code, ``note`` free text.

    ``automatic``: no person made it. Whoever may be called ``moatkeeper`` on the machine, this tells him from the guard.
    """

    account: str
    standing: Standing
    reason: str
    note: str
    who: str
    at: float
    automatic: bool = False


class Standings:
    """The standings of one data directory, held in memory. Accounts that nobody judged are GOOD and cost nothing."""

    def __init__(self, data: Path, *, create: bool = True) -> None:
        self._path = data / FILE_NAME
        self._connection = connect(data, create=create)
        self._lock = threading.Lock()
        self._current: dict[str, Standing] = {}
        self._said: dict[str, StandingChange] = {}
        self._fresh: set[str] = set()  # accounts that have changed and that ``refresh`` has not told of
        self._revision = 0
        try:
            self.refresh()
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def open(cls, data: Path, *, create: bool = True) -> Self:
        """The standings of ``data``; raises StoreError."""
        return cls(data, create=create)

    def get(self, account: str) -> Standing:
        """The standing of an account; GOOD where nobody judged it."""
        return self._current.get(account, Standing.GOOD)

    def all(self) -> Mapping[str, Standing]:
        """Every account that is not GOOD, as it stands; a live view."""
        return MappingProxyType(self._current)

    def said(self, account: str) -> StandingChange | None:
        """What a person said last of an account; None where none did."""
        return self._said.get(account)

    def set(
        self,
        account: str,
        standing: Standing,
        *,
        reason: str,
        note: str = "",
        who: str = "",
        at: float | None = None,
        automatic: bool = False,
    ) -> StandingChange:
        """The change, durable and in the ledger, both or neither; raises UsageError for unprintable or empty names.

        Raises StoreError where the change is ``automatic`` and another process has spoken meanwhile: what was decided without
        knowing of that must not undo it.
        """
        check_name("account", account, limit=ACCOUNT_LIMIT)
        check_name("reason", reason)
        check_name("note", note, least=0, limit=NOTE_LIMIT)
        change = StandingChange(account, standing, reason, note, who, time.time() if at is None else at, automatic)
        with self._lock, storing(self._path), transaction(self._connection):
            row = self._connection.execute(
                "SELECT standing, revision FROM standings WHERE account = ? ORDER BY revision DESC LIMIT 1", (account,)
            ).fetchone()
            before = Standing.GOOD if row is None else Standing(row[0])
            if automatic and row is not None and row[1] > self._revision:
                raise StoreError(
                    f"{account}: found a change of its standing from elsewhere, expected the one that was judged by"
                )
            self._connection.execute(
                "INSERT INTO standings (account, standing, reason, note, who, at, automatic) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (account, standing.value, reason, note, who, change.at, automatic),
            )
            fields = standing_record(account, before, standing, reason=reason, note=note, who=who)
            extend(self._connection, [prepare(STANDING, change.at, fields)])
        self._take_in()
        return change

    def history(self, account: str | None = None) -> list[StandingChange]:
        """All changes, oldest first; of one account where it is named."""
        statement = f"SELECT {_COLUMNS} FROM standings WHERE ? IS NULL OR account = ? ORDER BY revision"  # noqa: S608
        with self._lock, storing(self._path):
            return [_change(row) for row in self._connection.execute(statement, (account, account))]

    def refresh(self) -> frozenset[str]:
        """The accounts whose standing was set since, by this process or another. Cheap enough for once a second."""
        self._take_in()
        fresh, self._fresh = frozenset(self._fresh), set()
        return fresh

    def close(self) -> None:
        """Ends the connection; ``get`` goes on with what is in memory."""
        self._connection.close()

    def _take_in(self) -> None:
        statement = f"SELECT {_COLUMNS} FROM standings WHERE revision > ? ORDER BY revision"  # noqa: S608
        with self._lock, storing(self._path):
            for row in self._connection.execute(statement, (self._revision,)):
                change = _change(row)
                self._fresh.add(change.account)
                if not change.automatic:
                    self._said[change.account] = change
                if change.standing is Standing.GOOD:
                    self._current.pop(change.account, None)
                else:
                    self._current[change.account] = change.standing
                self._revision = row[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def before_last(history: Sequence[StandingChange]) -> Standing | None:
    """The standing before the last change that was not undone; None where there is nothing left to undo."""
    kept: list[Standing] = []
    for change in history:
        if change.reason == UNDO and kept:
            kept.pop()
        else:
            kept.append(change.standing)
    return None if not kept else kept[-2] if len(kept) > 1 else Standing.GOOD


def _change(row: sqlite3.Row | tuple[str, str, str, str, str, float, int, int]) -> StandingChange:
    account, standing, reason, note, who, at, automatic, _ = row
    return StandingChange(account, Standing(standing), reason, note, who, at, bool(automatic))
