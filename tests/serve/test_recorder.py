from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from moatkeeper.core.answer import Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.evidence.digest import released_digest, request_digest
from moatkeeper.serve.recorder import LedgerRecorder, NoRecorder, Outcome
from moatkeeper.store.ledger import Ledger
from moatkeeper.store.ledger_read import entries

SECRET = b"s" * 32
QUERY = Query(
    "00ff00ff00ff00ff",
    Caller(Account("acme", "org", "free"), "key-1", "192.0.2.1", Basis.KEY),
    "m",
    1000.5,
    Inputs(InputKind.NUMBERS, 2, [[1.0], [2.0]]),
    Cost(2),
)
DECISION = Decision(True, False, "limit:account/rows", 3.0, Standing.WATCHED, Contract())
OUTCOME = Outcome("tensorflow", "predict", 200, Usage(2, 7), b'{"instances": [[1], [2]]}', "0f" * 16, 0.0125)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path, flush_s=0.001) as ledger:
        yield ledger


def test_a_record_says_who_when_what_was_decided_and_why_and_never_the_input(ledger: Ledger, tmp_path: Path) -> None:
    assert LedgerRecorder(ledger, SECRET, 10).record(QUERY, DECISION, OUTCOME)
    ledger.flush()
    (entry,) = entries(tmp_path, kind="query")
    assert entry.at == 1000.5
    assert dict(entry.fields) == {
        "id": "00ff00ff00ff00ff",
        "account": "acme",
        "organisation": "org",
        "tier": "free",
        "key": "key-1",
        "basis": "key",
        "address": "192.0.2.1",
        "model": "m",
        "format": "tensorflow",
        "operation": "predict",
        "asked_rows": 2,
        "rows": 2,
        "tokens": 7,
        "admitted": True,
        "would_admit": False,
        "reason": "limit:account/rows",
        "standing": "watched",
        "status": 200,
        "request": request_digest(SECRET, OUTCOME.request_body),
        "released": "0f" * 16,
        "latency_us": 12500,
    }


def test_digests_are_keyed_and_the_same_in_one_piece_or_many(ledger: Ledger) -> None:
    recorder, other = LedgerRecorder(ledger, SECRET, 10), LedgerRecorder(ledger, b"t" * 32, 10)
    whole = recorder.released_digest(b"an answer")
    pieces = recorder.running_digest()
    for piece in (b"an ", b"", b"answer"):
        pieces.update(piece)
    assert whole == pieces.hex() == released_digest(SECRET, b"an answer")
    assert other.released_digest(b"an answer") != whole
    assert request_digest(SECRET, b"an answer") != whole


def test_a_ledger_that_takes_nothing_is_told_of_once_and_every_failure_is_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger.open(tmp_path)
    recorder = LedgerRecorder(ledger, SECRET, 10)
    before = recorder.ready
    ledger.close()
    assert (before, recorder.ready) == (True, False)
    with caplog.at_level(logging.ERROR, "moatkeeper.recorder"):
        assert [recorder.record(QUERY, DECISION, OUTCOME) for _ in range(3)] == [False, False, False]
    assert [line.message for line in caplog.records] == ["the ledger takes no records"]


def test_a_full_queue_is_not_ready(ledger: Ledger) -> None:
    assert not LedgerRecorder(ledger, SECRET, 0).ready
    assert LedgerRecorder(ledger, SECRET, 1).ready


def test_without_a_ledger_everything_is_taken_and_nothing_is_kept() -> None:
    recorder = NoRecorder()
    assert recorder.ready
    assert recorder.record(QUERY, DECISION, OUTCOME)
    assert recorder.released_digest(b"an answer") == ""
    recorder.running_digest().update(b"an answer")
