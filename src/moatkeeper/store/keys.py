"""API keys: shown once, kept only as keyed digests, checked in the same time whether they exist or not."""

from __future__ import annotations

import base64
import secrets
import sqlite3
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

from moatkeeper.core.caller import Account
from moatkeeper.core.keyed import DIGEST_BYTES, keyed_digest, same_digest
from moatkeeper.errors import StoreError, UsageError
from moatkeeper.evidence.records import KEY_ADDED, KEY_REVOKED, key_record
from moatkeeper.store.ledger_rows import extend, prepare
from moatkeeper.store.secret import load_secret
from moatkeeper.store.sqlite import FILE_NAME, connect, fact, storing, transaction

PREFIX = "mk_"
ID_BYTES = 5
"""40 bits, 8 letters: enough to name millions of keys; a collision is met by drawing again."""
SECRET_BYTES = 20
"""160 bits, 32 letters: nobody guesses it, so the digest needs no slow hash."""
NAME_LIMIT = 128
"""Letters in an account, organisation or tier: a longer one is a mistake or an attack on the log."""
LABEL_LIMIT = 256

_ID = slice(len(PREFIX), len(PREFIX) + ID_BYTES * 8 // 5)
_PURPOSE = "api-key"
_TIMES = struct.Struct("!dd")
_NEVER = float("inf")
_SEPARATOR = "\x1f"
_DUMMY = bytes(DIGEST_BYTES)
_BUSY_KEYS = 4096
"""Keys whose records are kept unpacked: those that ask often, so that the others may stay small."""
_COLUMNS = "id, digest, account, organisation, tier, label, created, expires, revoked, revision"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of one key. Times are UTC seconds; ``expires`` and ``revoked`` are None where it never was."""

    id: str
    account: Account
    label: str
    created: float
    expires: float | None = None
    revoked: float | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. ``plaintext`` exists here and nowhere else: show it once."""

    plaintext: str
    record: KeyRecord


class Keys:
    """The API keys of one data directory, with all that are valid held in memory."""

    def __init__(self, data: Path, *, create: bool = True) -> None:
        self._path = data / FILE_NAME
        self._connection = connect(data, create=create)
        self._lock = threading.Lock()
        # Packed, not objects: 100,000 keys in a third of the memory.
        self._valid: dict[bytes, bytes] = {}
        self._revision = 0
        try:
            self._secret = load_secret(data)
            self._check_secret()
            self.refresh()
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def open(cls, data: Path, *, create: bool = True) -> Self:
        """The keys of ``data``; raises StoreError, also where the secret is not the one that the keys were made with."""
        return cls(data, create=create)

    def check(self, presented: bytes, at: float) -> KeyRecord | None:
        """The key that ``presented`` is, or None. Unknown, wrong, revoked and expired keys take the same path."""
        digest = keyed_digest(self._secret, _PURPOSE, presented)
        name = presented[_ID]
        packed = self._valid.get(name)
        same = same_digest(digest, _DUMMY if packed is None else packed[:DIGEST_BYTES])
        if packed is None or not same:
            return None
        record = _unpack(name, packed)
        return None if record.expires is not None and at >= record.expires else record

    def add(
        self,
        account: str,
        organisation: str = "",
        tier: str = "default",
        label: str = "",
        expires: float | None = None,
        *,
        who: str = "",
        at: float | None = None,
    ) -> NewKey:
        """A new key for an account, recorded in the ledger; raises UsageError for names that are not printable."""
        for noun, value, least in (("account", account, 1), ("organisation", organisation, 0), ("tier", tier, 1)):
            check_name(noun, value, least=least)
        check_name("label", label, least=0, limit=LABEL_LIMIT)
        created = time.time() if at is None else at
        if expires is not None and expires <= created:
            raise UsageError("the key would have expired before it was made", hint="Give an expiry in the future.")
        owner = Account(account, organisation, tier)
        while True:
            new = _draw(owner, label, created, expires)
            if self._insert(new, who):
                return new

    def revoke(self, key_id: str, *, who: str = "", at: float | None = None) -> KeyRecord:
        """The key as it is after being revoked; again does nothing. Raises UsageError for an unknown id."""
        moment = time.time() if at is None else at
        with self._lock, storing(self._path), transaction(self._connection):
            row = self._connection.execute(f"SELECT {_COLUMNS} FROM api_keys WHERE id = ?", (key_id,)).fetchone()  # noqa: S608
            if row is None:
                raise UsageError(f"no key has the id {key_id!r}", hint="See: moatkeeper keys list")
            record = _record(row)
            if record.revoked is None:
                self._connection.execute(
                    "UPDATE api_keys SET revoked = ?, revision = (SELECT max(revision) + 1 FROM api_keys) WHERE id = ?",
                    (moment, key_id),
                )
                fields = key_record(record.id, record.account, who=who, label=record.label, expires=record.expires)
                extend(self._connection, [prepare(KEY_REVOKED, moment, fields)])
                record = KeyRecord(record.id, record.account, record.label, record.created, record.expires, moment)
        self.refresh()
        return record

    def list(self, account: str | None = None) -> Iterator[KeyRecord]:
        """All keys, also revoked and expired ones, oldest first; of one account where it is named."""
        statement = f"SELECT {_COLUMNS} FROM api_keys WHERE ? IS NULL OR account = ? ORDER BY created, id"  # noqa: S608
        with self._lock, storing(self._path):
            rows = self._connection.execute(statement, (account, account)).fetchall()
        return (_record(row) for row in rows)

    def refresh(self) -> bool:
        """Whether other processes changed keys since; takes the changes in. Cheap enough for once a second.

        Asks for rows past the last revision seen: SQLite's ``data_version`` moves with every batch of the ledger, which
        lies in the same database, and would tell nothing.
        """
        statement = f"SELECT {_COLUMNS} FROM api_keys WHERE revision > ? ORDER BY revision"  # noqa: S608
        changed = False
        with self._lock, storing(self._path):
            for row in self._connection.execute(statement, (self._revision,)):
                changed = True
                record, name = _record(row), row[0].encode()
                if record.revoked is None:
                    self._valid[name] = _pack(row[1], record)
                else:
                    self._valid.pop(name, None)
                self._revision = row[-1]
        return changed

    def __len__(self) -> int:
        """Keys that are not revoked."""
        return len(self._valid)

    def close(self) -> None:
        """Ends the connection; ``check`` goes on with what is in memory."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _insert(self, new: NewKey, who: str) -> bool:
        record = new.record
        digest = keyed_digest(self._secret, _PURPOSE, new.plaintext.encode())
        owner = record.account
        with self._lock, storing(self._path), transaction(self._connection):
            if self._connection.execute("SELECT 1 FROM api_keys WHERE id = ?", (record.id,)).fetchone():
                return False
            self._connection.execute(
                "INSERT INTO api_keys (id, digest, account, organisation, tier, label, created, expires, revision)"
                " SELECT ?, ?, ?, ?, ?, ?, ?, ?, coalesce(max(revision), 0) + 1 FROM api_keys",
                (record.id, digest, owner.id, owner.organisation, owner.tier, record.label, record.created, record.expires),
            )
            fields = key_record(record.id, owner, who=who, label=record.label, expires=record.expires)
            extend(self._connection, [prepare(KEY_ADDED, record.created, fields)])
        self.refresh()
        return True

    def _check_secret(self) -> None:
        mark = keyed_digest(self._secret, "secret-mark")
        with storing(self._path), transaction(self._connection):
            known = fact(self._connection, "secret_mark")
            if known is None:
                self._connection.execute("INSERT INTO facts VALUES ('secret_mark', ?)", (mark,))
            elif not same_digest(known, mark):
                raise StoreError(
                    f"{self._path}: its keys were made with another secret.key",
                    hint="Restore the secret.key that belongs to this database; without it every key must be made anew.",
                )


def check_name(noun: str, value: str, *, least: int = 1, limit: int = NAME_LIMIT) -> None:
    """Raises UsageError where a name is too short, too long or not printable."""
    if not least <= len(value) <= limit or not value.isprintable():
        raise UsageError(f"{noun}: expected {least} to {limit} printable characters, found {value[:limit]!r}")


def _draw(account: Account, label: str, created: float, expires: float | None) -> NewKey:
    key_id = _letters(ID_BYTES)
    return NewKey(f"{PREFIX}{key_id}_{_letters(SECRET_BYTES)}", KeyRecord(key_id, account, label, created, expires))


def _letters(count: int) -> str:
    return base64.b32encode(secrets.token_bytes(count)).decode().lower()


def _record(row: sqlite3.Row | tuple[str, bytes, str, str, str, str, float, float | None, float | None, int]) -> KeyRecord:
    key_id, _, account, organisation, tier, label, created, expires, revoked, _ = row
    return KeyRecord(key_id, Account(account, organisation, tier), label, created, expires, revoked)


def _pack(digest: bytes, record: KeyRecord) -> bytes:
    times = _TIMES.pack(record.created, _NEVER if record.expires is None else record.expires)
    names = (record.account.id, record.account.organisation, record.account.tier, record.label)
    return digest + times + _SEPARATOR.join(names).encode()


@lru_cache(maxsize=_BUSY_KEYS)
def _unpack(name: bytes, packed: bytes) -> KeyRecord:
    created, expires = _TIMES.unpack_from(packed, DIGEST_BYTES)
    account, organisation, tier, label = packed[DIGEST_BYTES + _TIMES.size :].decode().split(_SEPARATOR)
    return KeyRecord(
        name.decode(), Account(account, organisation, tier), label, created, None if expires == _NEVER else expires
    )
