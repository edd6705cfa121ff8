"""The database: private, durable, migrated forward only, with advice in its errors."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from moatkeeper.errors import StoreError
from moatkeeper.store import sqlite
from moatkeeper.store.sqlite import FILE_NAME, connect, fact, storing, transaction


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_that_is_made_is_private_to_its_owner(data: Path) -> None:
    with closing(connect(data)) as connection, transaction(connection):
        connection.execute("INSERT INTO facts VALUES ('x', x'00')")
        assert mode(data) == 0o700
        assert {mode(file) for file in data.iterdir()} == {0o600}
        assert len(list(data.iterdir())) == 3


def test_a_commit_waits_for_the_disk_and_readers_do_not_wait_for_writers(data: Path) -> None:
    with closing(connect(data)) as connection:
        pragmas = [
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
        assert pragmas == ["wal", 2, 1]


def test_a_second_opening_finds_what_the_first_made(data: Path) -> None:
    with closing(connect(data)) as first, closing(connect(data)) as second:
        assert fact(first, "ledger_id") == fact(second, "ledger_id") is not None


def test_two_ledgers_never_share_an_id(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "a")) as one, closing(connect(tmp_path / "b")) as other:
        assert fact(one, "ledger_id") != fact(other, "ledger_id")


def test_a_failed_transaction_leaves_nothing_behind(data: Path) -> None:
    with closing(connect(data)) as connection:
        with pytest.raises(sqlite3.IntegrityError), transaction(connection):
            connection.execute("INSERT INTO facts VALUES ('x', x'00'), ('ledger_id', x'00')")
        assert fact(connection, "x") is None


def test_a_newer_schema_is_refused_and_left_alone(data: Path) -> None:
    with closing(connect(data)) as connection:
        connection.execute(f"PRAGMA user_version = {sqlite.SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match=f"schema version {sqlite.SCHEMA_VERSION + 1}") as caught:
        connect(data)
    assert "newer" in caught.value.hint


def test_a_database_of_an_older_schema_moves_forward_with_its_content(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect(data)) as connection:
        ledger_id = fact(connection, "ledger_id")
    monkeypatch.setattr(sqlite, "_MIGRATIONS", (*sqlite._MIGRATIONS, ("CREATE TABLE later (x)",)))
    monkeypatch.setattr(sqlite, "SCHEMA_VERSION", sqlite.SCHEMA_VERSION + 1)
    with closing(connect(data)) as connection:
        assert connection.execute("SELECT count(*) FROM later").fetchone() == (0,)
        assert fact(connection, "ledger_id") == ledger_id


def test_a_migration_that_fails_leaves_the_old_schema(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(data).close()
    monkeypatch.setattr(sqlite, "_MIGRATIONS", (*sqlite._MIGRATIONS, ("CREATE TABLE later (x)", "not SQL")))
    monkeypatch.setattr(sqlite, "SCHEMA_VERSION", sqlite.SCHEMA_VERSION + 1)
    with pytest.raises(StoreError):
        connect(data)
    monkeypatch.undo()
    with closing(connect(data)) as connection:
        assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'later'").fetchone() is None


def test_a_file_that_is_no_database_is_refused(data: Path) -> None:
    data.mkdir()
    (data / FILE_NAME).write_bytes(b"certainly not a database, and long enough to tell" * 100)
    with pytest.raises(StoreError, match="not a database") as caught:
        connect(data)
    assert "--data" in caught.value.hint


def test_a_database_of_another_program_is_refused_and_left_alone(data: Path) -> None:
    data.mkdir()
    with closing(sqlite3.connect(data / FILE_NAME)) as other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match="another program"):
        connect(data)
    with closing(sqlite3.connect(data / FILE_NAME)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_a_missing_database_is_not_made_by_a_reader(data: Path) -> None:
    with pytest.raises(StoreError, match="no database here"):
        connect(data, create=False)
    assert not data.exists()


def test_a_directory_that_everybody_may_write_to_is_refused(data: Path) -> None:
    data.mkdir()
    data.chmod(0o777)
    with pytest.raises(StoreError, match="everybody may write") as caught:
        connect(data)
    assert "chmod" in caught.value.hint


def test_a_database_that_others_could_read_is_closed_to_them(data: Path) -> None:
    connect(data).close()
    (data / FILE_NAME).chmod(0o644)
    connect(data).close()
    assert mode(data / FILE_NAME) == 0o600


def test_a_path_that_cannot_be_a_directory_is_a_store_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        connect(tmp_path / "file" / "data")
    assert caught.value.hint
    assert caught.value.exit_code == 4


def test_a_database_that_another_process_holds_is_named_so(data: Path) -> None:
    with closing(connect(data)) as holder, closing(connect(data)) as waiter:
        waiter.execute("PRAGMA busy_timeout = 1")
        with transaction(holder), pytest.raises(StoreError) as caught, storing(data), transaction(waiter):
            pass
    assert "Another process" in caught.value.hint


def test_the_log_is_moved_into_the_database_and_does_not_grow_for_ever(data: Path) -> None:
    with closing(connect(data)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 50")
        for number in range(300):
            with transaction(connection):
                connection.execute("INSERT INTO facts VALUES (?, ?)", (str(number), os.urandom(4000)))
        assert (data / f"{FILE_NAME}-wal").stat().st_size < 100 * 4200


def test_another_process_that_comes_and_goes_takes_nothing_from_those_that_stay(data: Path) -> None:
    """Closing any descriptor of the database drops its POSIX locks, and the last to leave removes the log."""
    visit = "import sys, pathlib; from moatkeeper.store.sqlite import connect; connect(pathlib.Path(sys.argv[1])).close()"
    with closing(connect(data)) as first, closing(connect(data)):
        subprocess.run([sys.executable, "-c", visit, str(data)], check=True, timeout=60)
        with transaction(first):
            first.execute("INSERT INTO facts VALUES ('after', x'01')")
        assert (data / f"{FILE_NAME}-wal").exists()
        with closing(connect(data)) as reader:
            assert fact(reader, "after") == b"\x01"
