"""Reading the ledger: what matches, and a verdict that no change to the database escapes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import LedgerBroken, StoreError, UsageError
from moatkeeper.evidence.canonical import Value
from moatkeeper.store import ledger_rows
from moatkeeper.store.ledger import Ledger
from moatkeeper.store.ledger_read import LedgerEntry, entries, export, verify, verify_file
from moatkeeper.store.sqlite import connect

COUNT = 9


@pytest.fixture
def filled(data: Path) -> Path:
    """A ledger of nine records by three accounts, one a second."""
    fill(data)
    return data


def fill(data: Path) -> None:
    with Ledger.open(data) as ledger:
        for number in range(1, COUNT + 1):
            kind = "standing" if number == 5 else "query"
            ledger.append(kind, float(number), {"account": "abc"[number % 3], "number": number, "note": '"account":"a"'})


def harm(data: Path, statement: str) -> None:
    with closing(connect(data)) as connection:
        connection.execute(statement)


@given(
    account=st.none() | st.sampled_from(["a", "b", "nobody", '"', "%"]),
    kind=st.none() | st.sampled_from(["query", "standing"]),
    since=st.none() | st.integers(0, 10),
    until=st.none() | st.integers(0, 10),
    limit=st.none() | st.integers(0, 10),
)
def test_a_search_finds_what_a_plain_look_at_all_records_finds(
    tmp_path_factory: pytest.TempPathFactory,
    account: str | None,
    kind: str | None,
    since: int | None,
    until: int | None,
    limit: int | None,
) -> None:
    data = tmp_path_factory.getbasetemp() / "searched"
    if not data.exists():
        fill(data)
    wanted = [
        entry
        for entry in entries(data)
        if (account is None or entry.fields["account"] == account)
        and (kind is None or entry.kind == kind)
        and (since is None or entry.at >= since)
        and (until is None or entry.at < until)
    ]
    if limit is not None:
        wanted = wanted[-limit:] if limit else []
    assert list(entries(data, account=account, kind=kind, since=since, until=until, limit=limit)) == wanted


def test_one_record_reads_as_it_was_written(filled: Path) -> None:
    fields: dict[str, Value] = {"account": "c", "number": 5, "note": '"account":"a"'}
    (found,) = entries(filled, kind="standing")
    assert (found.seq, found.kind, found.at, found.fields) == (5, "standing", 5.0, fields)
    assert isinstance(found, LedgerEntry)


def test_reading_in_many_short_reads_finds_everything(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_rows, "ROWS_A_READ", 2)
    assert [entry.seq for entry in entries(filled)] == list(range(1, COUNT + 1))
    assert verify(filled).count == COUNT


def test_a_reader_that_stands_still_keeps_no_transaction_open(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_rows, "ROWS_A_READ", 2)
    reader = entries(filled)
    next(reader)
    with Ledger.open(filled) as ledger:
        ledger.append("query", 99.0, {})
        ledger.flush()
        with closing(connect(filled)) as connection:
            blocked, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert blocked == 0
    assert len(list(reader)) == COUNT - 1


def test_a_sound_ledger_is_summed_up(filled: Path) -> None:
    summary = verify(filled)
    assert (summary.count, summary.erased, summary.first, summary.last, summary.head.seq) == (COUNT, 0, 1.0, 9.0, COUNT)
    assert verify(filled, summary.head) == summary


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE ledger SET body = CAST(replace(body, 'a', 'b') AS BLOB) WHERE seq = 4", "record 4: its body was changed"),
        ("UPDATE ledger SET body = replace(body, 'a', 'b') WHERE seq = 4", "record 4: its body, .*expected bytes"),
        ("UPDATE ledger SET link = zeroblob(32) WHERE seq = 4", "record 4: its link was changed"),
        ("UPDATE ledger SET digest = zeroblob(32) WHERE seq = 4", "record 4: its body was changed"),
        ("UPDATE ledger SET digest = zeroblob(32), body = NULL WHERE seq = 4", "record 4: its link was changed, or its digest"),
        ("DELETE FROM ledger WHERE seq = 4", "record 4: it is missing"),
        ("DELETE FROM ledger WHERE seq = 1", "record 1: it is missing"),
        ("UPDATE ledger SET seq = -seq WHERE seq = 4", "record -4: it comes again or out of order"),
        ("INSERT INTO ledger SELECT seq - 9, body, digest, link FROM ledger WHERE seq = 9", "record 0: it comes again"),
        ("INSERT INTO ledger SELECT seq + 1, body, digest, link FROM ledger WHERE seq = 9", "record 10: its link was changed"),
        ("UPDATE facts SET value = randomblob(16) WHERE name = 'ledger_id'", "record 1: .*start of the chain"),
        ("DELETE FROM facts WHERE name = 'ledger_id'", "record 0: the ledger's id is missing"),
    ],
)
def test_any_harm_to_the_database_is_called_by_its_name(filled: Path, statement: str, named: str) -> None:
    harm(filled, statement)
    with pytest.raises(LedgerBroken, match=f"^{named}"):
        verify(filled)


def test_an_end_that_was_cut_off_is_found_by_the_head_that_was_noted(filled: Path) -> None:
    head = verify(filled).head
    harm(filled, "DELETE FROM ledger WHERE seq > 7")
    assert verify(filled).count == 7
    with pytest.raises(LedgerBroken, match=r"^record 8: it is missing: the chain ends at 7"):
        verify(filled, head)


def test_an_erased_body_leaves_a_chain_that_verifies(filled: Path, tmp_path: Path) -> None:
    harm(filled, "UPDATE ledger SET body = NULL WHERE seq IN (1, 4)")
    summary = verify(filled)
    assert (summary.count, summary.erased, summary.first) == (COUNT, 2, 2.0)
    assert [entry.seq for entry in entries(filled, limit=3, until=6.0)] == [2, 3, 5]
    (tmp_path / "export").write_bytes(b"".join(export(filled)))
    assert verify_file(tmp_path / "export") == summary


@pytest.mark.parametrize("after", [0, 3, COUNT])
def test_an_export_verifies_without_the_database(filled: Path, tmp_path: Path, after: int) -> None:
    file = tmp_path / "export.jsonl"
    file.write_bytes(b"".join(export(filled, after=after)))
    head = verify(filled).head
    summary = verify_file(file, head)
    assert (summary.count, summary.head) == (COUNT - after, head)


def test_an_export_of_a_harmed_ledger_does_not_verify(filled: Path, tmp_path: Path) -> None:
    harm(filled, "UPDATE ledger SET body = CAST(replace(body, '4', '5') AS BLOB) WHERE seq = 4")
    file = tmp_path / "export.jsonl"
    file.write_bytes(b"".join(export(filled)))
    with pytest.raises(LedgerBroken, match=r"^record 4: "):
        verify_file(file)


def test_an_export_after_a_record_that_is_not_there_is_refused(filled: Path) -> None:
    with pytest.raises(UsageError, match="no record 99"):
        next(export(filled, after=99))


def test_what_cannot_be_opened_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        verify(tmp_path / "nothing")
    with pytest.raises(StoreError):
        next(entries(tmp_path / "nothing"))
    with pytest.raises(StoreError):
        verify_file(tmp_path / "nothing")


def test_a_damaged_database_file_is_a_store_error_or_a_broken_chain_and_never_a_crash(filled: Path) -> None:
    file = filled / "moatkeeper.db"
    sound = file.read_bytes()
    failures = 0
    for position in range(0, len(sound), 997):
        file.write_bytes(sound[:position] + bytes([sound[position] ^ 0xFF]) + sound[position + 1 :])
        try:
            verify(filled)
        except (StoreError, LedgerBroken):
            failures += 1
    assert failures
    file.write_bytes(sound)
    assert verify(filled).count == COUNT


def test_the_database_is_plain_sqlite_that_anybody_can_read(filled: Path) -> None:
    with closing(sqlite3.connect(filled / "moatkeeper.db")) as connection:
        body = connection.execute("SELECT body FROM ledger WHERE seq = 1").fetchone()[0]
    assert body == b'{"account":"b","at":1000000,"kind":"query","note":"\\"account\\":\\"a\\"","number":1}'
