"""The one place that opens the database: where it lies, how durable it is, which schema it has, what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from moatkeeper.errors import StoreError

FILE_NAME = "moatkeeper.db"
APPLICATION_ID = 0x6D6F6174
"""``moat`` in ASCII: tells our database from any other SQLite file."""
BUSY_TIMEOUT_MS = 5_000
"""Longer than any transaction of ours; larger: a process waits longer for another before it gives up."""
CHECKPOINT_PAGES = 4_000
"""Of 4 KiB: the log is moved into the database at 16 MiB; larger: fewer, longer pauses of the writer."""
LOG_LIMIT_BYTES = 64 * 1024 * 1024
"""The log file is cut back to this after it had to grow."""
STATEMENTS_KEPT = 256
"""Compiled statements a connection keeps: one for each length of a ledger batch's last insert, and the rest."""

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        "INSERT INTO facts VALUES ('ledger_id', randomblob(16))",
        "CREATE TABLE ledger (seq INTEGER PRIMARY KEY, body BLOB, digest BLOB NOT NULL, link BLOB NOT NULL)",
        """CREATE TABLE api_keys (
            id TEXT PRIMARY KEY, digest BLOB NOT NULL, account TEXT NOT NULL, organisation TEXT NOT NULL, tier TEXT NOT NULL,
            label TEXT NOT NULL, created REAL NOT NULL, expires REAL, revoked REAL, revision INTEGER NOT NULL)""",
        "CREATE INDEX api_keys_by_revision ON api_keys (revision)",
        """CREATE TABLE standings (
            revision INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, standing TEXT NOT NULL,
            reason TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL)""",
        "CREATE INDEX standings_by_account ON standings (account, revision)",
        """CREATE TABLE snapshots (
            name TEXT PRIMARY KEY, seq INTEGER NOT NULL, at REAL NOT NULL, digest BLOB NOT NULL, content BLOB NOT NULL)""",
    ),
    (
        "ALTER TABLE standings ADD COLUMN automatic INTEGER NOT NULL DEFAULT 0",
        """CREATE TABLE cases (
            account TEXT NOT NULL, model TEXT NOT NULL, calibration TEXT NOT NULL, asked INTEGER NOT NULL,
            evidence REAL NOT NULL, spent REAL NOT NULL, passed INTEGER NOT NULL, looks INTEGER NOT NULL,
            content BLOB NOT NULL)""",
        "CREATE UNIQUE INDEX cases_by_account ON cases (account, model)",
        """CREATE TABLE footings (
            account TEXT PRIMARY KEY, own TEXT NOT NULL, since REAL NOT NULL, quiet INTEGER NOT NULL, excused REAL NOT NULL,
            proposed REAL NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE holds (
            revision INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, until REAL NOT NULL, evidence REAL NOT NULL,
            reason TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL)""",
        """CREATE TABLE allowances (
            revision INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL, name TEXT NOT NULL, until REAL NOT NULL,
            reason TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL)""",
        """CREATE TABLE proposals (
            id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, model TEXT NOT NULL, standing TEXT NOT NULL,
            kind TEXT NOT NULL, reason TEXT NOT NULL, words TEXT NOT NULL, evidence REAL NOT NULL, p_value REAL NOT NULL,
            asked INTEGER NOT NULL, at REAL NOT NULL, state TEXT NOT NULL, who TEXT NOT NULL, closed REAL)""",
        "CREATE UNIQUE INDEX proposals_open ON proposals (account) WHERE state = 'open'",
    ),
    (
        """CREATE TABLE ties (
            revision INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, actor TEXT NOT NULL,
            reason TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, at REAL NOT NULL)""",
        "CREATE INDEX ties_by_account ON ties (account, revision)",
    ),
)
SCHEMA_VERSION = len(_MIGRATIONS)

_HINTS = {
    "SQLITE_BUSY": "Another process holds the database; look for a second moatkeeper or an open sqlite3 shell.",
    "SQLITE_LOCKED": "Another process holds the database; look for a second moatkeeper or an open sqlite3 shell.",
    "SQLITE_READONLY": "The process needs write permission on the directory and on every file in it.",
    "SQLITE_PERM": "The process needs write permission on the directory and on every file in it.",
    "SQLITE_CANTOPEN": "The process needs write permission on the directory and on every file in it.",
    "SQLITE_FULL": "Free some space on the disk; what waits is written as soon as there is room.",
    "SQLITE_IOERR": "The disk failed a read or a write; see the system's log.",
    "SQLITE_CORRUPT": "Keep a copy of the directory, then restore a backup of it.",
    "SQLITE_NOTADB": "This is not a database of Moatkeeper; choose another --data, or restore a backup.",
}


def connect(data: Path, *, create: bool = True) -> sqlite3.Connection:
    """A connection to the database in ``data``, at the current schema; raises StoreError with a hint.

    It commits by itself outside ``transaction``, and may be handed from thread to thread. With ``create`` the directory
    (0700) and the database (0600) are made where they are missing.
    """
    path = data / FILE_NAME
    if not create and not path.exists():
        raise StoreError(f"{data}: no database here", hint="Name the directory with --data or MOATKEEPER_DATA.")
    with storing(path):
        _prepare(data, path)
        connection = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )
        try:
            _configure(connection)
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All writes of the block or none, alone among all processes that write."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite rolls back by itself on some errors, and then has nothing left to roll back.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turns what SQLite and the system say about ``path`` into a StoreError with a hint."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise store_error(path, error) from error
    except UnicodeDecodeError as error:
        # SQLite quotes a damaged schema in its complaint, and the complaint is then no text.
        raise StoreError(f"{path}: found a schema that is no text", hint=_HINTS["SQLITE_CORRUPT"]) from error


def store_error(path: Path, error: sqlite3.Error | OSError) -> StoreError:
    """The error as an operator should read it."""
    code = getattr(error, "sqlite_errorname", "")
    for prefix, hint in _HINTS.items():
        if code.startswith(prefix):
            return StoreError(f"{path}: {error}", hint=hint)
    return StoreError(f"{path}: {error}", hint="Check that the directory exists, has room and belongs to this user.")


def fact(connection: sqlite3.Connection, name: str) -> bytes | None:
    """A fact about the whole database, such as the ledger's id; None where it is not known."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


def _prepare(data: Path, path: Path) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if data.stat().st_mode & stat.S_IWOTH:
        raise StoreError(f"{data}: everybody may write here", hint=f"Run: chmod o-w {data}")
    # Never opened where it exists: closing it would drop the POSIX locks of this process's other connections, and another
    # process that closes the database would then take the log away from under them, with all that they write.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        path.chmod(0o600)


def _configure(connection: sqlite3.Connection) -> None:
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        f"journal_size_limit = {LOG_LIMIT_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    if _number(connection, "user_version") == SCHEMA_VERSION and _number(connection, "application_id") == APPLICATION_ID:
        return
    with transaction(connection):
        version = _number(connection, "user_version")
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{path}: schema version {version}, expected at most {SCHEMA_VERSION}",
                hint="A newer Moatkeeper wrote this; use that version, or a backup from before the upgrade.",
            )
        foreign = _number(connection, "application_id") != APPLICATION_ID
        if foreign and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            raise StoreError(f"{path}: a database of another program", hint=_HINTS["SQLITE_NOTADB"])
        for migration in _MIGRATIONS[version:]:
            for statement in migration:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
