"""The ledger: appending costs the caller a microsecond, one thread writes, and what is acknowledged survives a kill."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from moatkeeper.errors import StoreError
from moatkeeper.evidence.canonical import Record
from moatkeeper.evidence.records import GAP, gap_record
from moatkeeper.store.ledger_rows import ROWS_AN_INSERT, Prepared, extend, head, prepare
from moatkeeper.store.sqlite import FILE_NAME, connect, store_error, storing, transaction

FLUSH_S = 0.05
QUEUE_LIMIT = 100_000
RECORDS_A_TRANSACTION = 4_096
"""Larger: fewer waits for the disk under load, and other processes wait longer for their turn."""
RETRY_S = 0.5
"""Between attempts while the disk fails."""
YIELD_S = 0.000_05
"""After each ROWS_AN_INSERT records the writer stands aside, so that a reply never waits for more of it than that."""

_Pending = tuple[str, float, Record]


class Ledger:
    """Appends to the chain of one data directory. Any number of threads and processes may append to the same one."""

    def __init__(self, data: Path, *, flush_s: float = FLUSH_S, queue_limit: int = QUEUE_LIMIT) -> None:
        self._path = data / FILE_NAME
        self._connection = connect(data)
        self._flush_s = flush_s
        self._limit = queue_limit
        self._queue: deque[_Pending | threading.Event] = deque()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._refusals = threading.Lock()
        self._refused = 0
        self._problem = ""
        self._failed: StoreError | None = None
        with storing(self._path):
            self._written = head(self._connection).seq
        self._thread = threading.Thread(target=self._run, name="moatkeeper-ledger", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, data: Path, *, flush_s: float = FLUSH_S, queue_limit: int = QUEUE_LIMIT) -> Self:
        """A ledger on ``data``, which is made where it is missing; raises StoreError.

        ``flush_s``: how long records gather before they are written together; larger: fewer waits for the disk, and more
        that a kill can take. ``queue_limit``: how many may wait; larger: a slow disk is survived longer, in more memory.
        """
        return cls(data, flush_s=flush_s, queue_limit=queue_limit)

    def append(self, kind: str, at: float, fields: Record) -> None:
        """Queues one record; ``fields`` belongs to the ledger from here on. Never waits.

        Raises StoreError where the queue is full or the writer cannot write: whether the query then goes on is the
        caller's choice. What was refused is counted, and the count is written as a ``gap`` record when writing works again.
        """
        queue = self._queue
        if self._failed is not None or len(queue) >= self._limit:
            raise self._refusal()
        queue.append((kind, at, fields))
        if not self._wake.is_set():
            self._wake.set()

    @property
    def written(self) -> int:
        """The number of the last record that this process wrote and the disk has: everything before it is acknowledged."""
        return self._written

    @property
    def failed(self) -> StoreError | None:
        """Why nothing can be written now, or None. It is tried again until it works or the ledger is closed."""
        return self._failed

    @property
    def depth(self) -> int:
        """Records that wait to be written."""
        return len(self._queue)

    def flush(self, timeout_s: float = 10.0) -> None:
        """Returns once everything appended before is durable; raises StoreError where that fails or takes too long."""
        durable = threading.Event()
        self._queue.append(durable)
        self._hurry.set()
        self._wake.set()
        deadline = time.monotonic() + timeout_s
        while not durable.wait(min(0.05, timeout_s)):
            if self._failed is not None:
                raise self._failed
            if time.monotonic() > deadline:
                raise StoreError(
                    f"{self._path}: {self.depth} records still wait after {timeout_s} s",
                    hint="The disk is slower than the traffic, or another process holds the database.",
                )

    def close(self, timeout_s: float = 10.0) -> None:
        """Writes what waits and ends the writer; raises StoreError where not all of it could be written."""
        if self._closing.is_set():
            return
        try:
            self.flush(timeout_s)
        finally:
            self._closing.set()
            self._hurry.set()
            self._wake.set()
            self._thread.join(timeout_s)
            if not self._thread.is_alive():
                self._connection.close()
            self._failed = self._failed or StoreError(f"{self._path}: the ledger is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _refusal(self) -> StoreError:
        problem = self._failed or StoreError(
            f"{self._path}: {self._limit} records wait already",
            hint="The disk is slower than the traffic, or another process holds the database.",
        )
        with self._refusals:
            self._refused += 1
            self._problem = problem.message
        return problem

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._wake.wait()
                self._hurry.wait(self._flush_s)
                self._hurry.clear()
                self._wake.clear()
                self._drain()
        except BaseException as error:
            self._failed = StoreError(f"{self._path}: the ledger's writer died: {error!r}", hint="Restart the process.")
            raise

    def _drain(self) -> None:
        while self._queue and not (self._failed is not None and self._closing.is_set()):
            records: list[Prepared] = []
            flushed: list[threading.Event] = []
            while self._queue and len(records) < RECORDS_A_TRANSACTION:
                pending = self._queue.popleft()
                if isinstance(pending, threading.Event):
                    flushed.append(pending)
                    continue
                records.append(prepare(*pending))
                if len(records) % ROWS_AN_INSERT == 0:
                    time.sleep(YIELD_S)
            records += self._gap()
            if records and not self._store(records):
                return
            for durable in flushed:
                durable.set()

    def _gap(self) -> list[Prepared]:
        if not self._refused:
            return []
        with self._refusals:
            refused, problem = self._refused, self._problem
            self._refused = 0
        return [prepare(GAP, time.time(), gap_record(refused, problem))]

    def _store(self, records: list[Prepared]) -> bool:
        """Whether the records are durable; False only where the ledger is being closed over a failing disk."""
        while True:
            try:
                with transaction(self._connection):
                    last = extend(self._connection, records)
            except sqlite3.Error as error:
                self._failed = store_error(self._path, error)
                if self._closing.wait(RETRY_S):
                    return False
            else:
                self._written = last
                self._failed = None
                return True
