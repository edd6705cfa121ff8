"""The records of each event: complete, canonical, without raw input."""

from __future__ import annotations

import pytest

from moatkeeper.core.answer import Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.evidence import records
from moatkeeper.evidence.canonical import Value, canonical, parse

CALLER = Caller(Account("acme", "acme group", "free"), "abcd2345", "192.0.2.7", Basis.KEY)
QUERY = Query("q1", CALLER, "credit", 12.5, Inputs(InputKind.TEXTS, 2, ["very secret input", "b"]), Cost(rows=2, tokens=9))
DECISION = Decision(False, False, "account.rows", 3.5, Standing.WATCHED, Contract())


def query_record(usage: Usage | None) -> dict[str, Value]:
    return records.query_record(
        QUERY, DECISION, format="kserve", operation="infer", status=429, usage=usage, request_digest="ab", latency_s=0.00025
    )


def test_a_query_is_kept_with_who_what_and_why_and_without_its_input() -> None:
    record = query_record(None)
    assert record == {
        "id": "q1", "account": "acme", "organisation": "acme group", "tier": "free", "key": "abcd2345", "basis": "key",
        "address": "192.0.2.7", "model": "credit", "format": "kserve", "operation": "infer", "asked_rows": 2, "rows": 0,
        "tokens": 0, "admitted": False, "would_admit": False, "reason": "account.rows", "standing": "watched", "status": 429,
        "request": "ab", "released": "", "latency_us": 250,
    }  # fmt: skip
    assert b"very secret input" not in canonical(record)


def test_what_was_truly_used_is_kept_once_it_is_known() -> None:
    record = query_record(Usage(rows=1, tokens=7))
    assert (record["asked_rows"], record["rows"], record["tokens"]) == (2, 1, 7)


@pytest.mark.parametrize(
    "record",
    [
        query_record(Usage(1)),
        records.start_record(version="0.1", process=7, upstreams=["http://127.0.0.1:8000"]),
        records.stop_record(process=7, reason="asked"),
        records.config_record(digest="ab", accepted=False, problem="line 3"),
        records.key_record("abcd2345", CALLER.account, who="root", expires=1.5),
        records.standing_record("acme", Standing.GOOD, Standing.WATCHED, reason="line", note="", who="root"),
        records.tie_record("acme", "", "ring-1", reason="ring", note="", who="root"),
        records.gap_record(3, "disk full"),
    ],
)
def test_every_record_has_a_canonical_form(record: dict[str, Value]) -> None:
    assert parse(canonical(record)) == record
