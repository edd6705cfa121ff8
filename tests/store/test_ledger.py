"""The ledger: never waits, never lies about what is written, says where it is blind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import StoreError
from moatkeeper.evidence.canonical import Value
from moatkeeper.store import ledger as module
from moatkeeper.store.ledger import Ledger
from moatkeeper.store.ledger_read import entries, verify
from moatkeeper.store.sqlite import connect

FIELDS = st.dictionaries(
    st.sampled_from(["account", "number", "note"]), st.none() | st.booleans() | st.integers(0, 9) | st.text()
)


class Disk:
    """A database that refuses to be written to while it is told to: the trigger stands for a disk that is full."""

    def __init__(self, data: Path) -> None:
        self._connection = connect(data)

    def break_down(self) -> None:
        self._connection.execute("CREATE TRIGGER full BEFORE INSERT ON ledger BEGIN SELECT RAISE(FAIL, 'no room'); END")

    def recover(self) -> None:
        self._connection.execute("DROP TRIGGER full")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def disk(data: Path) -> Iterator[Disk]:
    with closing(Disk(data)) as disk:
        yield disk


def wait_for(condition: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(1_000):
        if condition():
            return
        tick.wait(0.01)
    raise TimeoutError("it never came to be")


def numbers(data: Path) -> list[Value]:
    return [entry.fields["number"] for entry in entries(data, kind="query")]


@given(records=st.lists(FIELDS, max_size=200), again=st.booleans())
def test_everything_appended_is_kept_in_its_order_over_restarts(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Value]], again: bool
) -> None:
    data = tmp_path_factory.mktemp("ledger")
    parts = [records[: len(records) // 2], records[len(records) // 2 :]] if again else [records]
    at = 0
    for part in parts:
        with Ledger.open(data, flush_s=0.0) as ledger:
            for fields in part:
                at += 1
                ledger.append("query", float(at), fields)
    assert [dict(entry.fields) for entry in entries(data)] == records
    assert [entry.at for entry in entries(data)] == list(range(1, len(records) + 1))
    assert verify(data).count == len(records)


def test_what_is_flushed_is_acknowledged_and_durable_for_others(data: Path) -> None:
    with Ledger.open(data, flush_s=60.0) as ledger:
        assert ledger.written == 0
        ledger.append("query", 1.0, {"number": 1})
        ledger.flush()
        assert (ledger.written, ledger.depth, ledger.failed) == (1, 0, None)
        assert numbers(data) == [1]


def test_an_empty_ledger_verifies_and_flushes(data: Path) -> None:
    with Ledger.open(data) as ledger:
        ledger.flush()
    summary = verify(data)
    assert (summary.count, summary.first, summary.head.seq) == (0, None, 0)


def test_a_batch_longer_than_one_insert_and_one_transaction_is_one_chain(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECORDS_A_TRANSACTION", 150)
    with Ledger.open(data, flush_s=60.0) as ledger:
        for number in range(1_000):
            ledger.append("query", 1.0, {"number": number})
    assert numbers(data) == list(range(1_000))
    assert verify(data).count == 1_000


def test_a_full_queue_refuses_at_once_and_the_ledger_says_how_much_it_missed(data: Path, disk: Disk) -> None:
    with Ledger.open(data, flush_s=60.0, queue_limit=3) as ledger:
        for number in range(3):
            ledger.append("query", 1.0, {"number": number})
        for number in range(2):
            with pytest.raises(StoreError, match="3 records wait already"):
                ledger.append("query", 1.0, {"number": number})
        assert ledger.failed is None
        ledger.flush()
        ledger.append("query", 2.0, {"number": 3})
    assert numbers(data) == [0, 1, 2, 3]
    assert [entry.fields["refused"] for entry in entries(data, kind="gap")] == [2]


def test_a_disk_that_fails_is_told_to_the_caller_and_what_was_queued_is_written_when_it_recovers(
    data: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    with Ledger.open(data, flush_s=0.0) as ledger:
        disk.break_down()
        ledger.append("query", 1.0, {"number": 1})
        wait_for(lambda: ledger.failed is not None)
        with pytest.raises(StoreError, match="no room"):
            ledger.append("query", 1.0, {"number": 2})
        with pytest.raises(StoreError, match="no room"):
            ledger.flush()
        assert ledger.written == 0
        disk.recover()
        wait_for(lambda: ledger.failed is None)
        ledger.append("query", 1.0, {"number": 3})
    assert numbers(data) == [1, 3]
    gap = next(entries(data, kind="gap"))
    assert gap.fields["refused"] == 1
    assert "no room" in str(gap.fields["problem"])
    assert verify(data).count == 3


def test_closing_over_a_failing_disk_ends_and_says_that_not_all_was_written(data: Path, disk: Disk) -> None:
    ledger = Ledger.open(data, flush_s=0.0)
    disk.break_down()
    ledger.append("query", 1.0, {"number": 1})
    with pytest.raises(StoreError, match="no room"):
        ledger.close()
    assert numbers(data) == []
    ledger.close()  # again does nothing


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_died_is_told_to_the_caller(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(module, "extend", die)
    ledger = Ledger.open(data, flush_s=0.0)
    ledger.append("query", 1.0, {"number": 1})
    wait_for(lambda: ledger.failed is not None)
    with pytest.raises(StoreError, match="writer died: MemoryError"):
        ledger.append("query", 1.0, {"number": 2})
    with pytest.raises(StoreError, match="writer died"):
        ledger.close()


def test_a_flush_that_takes_too_long_says_so(data: Path) -> None:
    with Ledger.open(data, flush_s=0.0) as ledger, closing(connect(data)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger.append("query", 1.0, {"number": 1})
        with pytest.raises(StoreError, match="still wait after"):
            ledger.flush(timeout_s=0.02)
        other.execute("ROLLBACK")
        ledger.flush()
    assert numbers(data) == [1]


def test_nothing_is_taken_after_closing(data: Path) -> None:
    ledger = Ledger.open(data)
    ledger.close()
    with pytest.raises(StoreError, match="closed"):
        ledger.append("query", 1.0, {})


@pytest.mark.parametrize("value", ["\ud800", 1.5, 2**80])
def test_content_without_a_canonical_form_is_mended_and_kept(data: Path, value: Value) -> None:
    with Ledger.open(data) as ledger:
        ledger.append("query", 1.0, {"account": "acme", "model": value})
        ledger.append("query", 2.0, {"account": "acme", "model": "m"})
    found = list(entries(data, account="acme"))
    assert [entry.fields.get("mended") for entry in found] == [True, None]
    assert verify(data).count == 2


def test_many_threads_append_without_losing_one(data: Path) -> None:
    with Ledger.open(data, flush_s=0.0) as ledger:

        def append() -> None:
            for number in range(500):
                ledger.append("query", 1.0, {"number": number})

        threads = [threading.Thread(target=append) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert verify(data).count == 2_000
