"""``moatkeeper replay`` through its front door: an old log under a configuration, and who would have noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moatkeeper.cli.main import main
from moatkeeper.core.answer import Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.evidence.records import QUERY, START, query_record, start_record
from moatkeeper.store.ledger import Ledger

CALLER = Caller(Account("acme", "", "free"), "k1", "192.0.2.1", Basis.KEY)


def query(number: int, at: float, rows: int) -> Query:
    """A query of the account acme."""
    return Query(f"q{number}", CALLER, "credit", at, Inputs(InputKind.OPAQUE, rows), Cost(rows))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three queries of a free account, 60 rows each: the second breaks its 100 an hour, the third an hour later does not."""
    file = tmp_path / "log.jsonl"
    file.write_text(
        '{"at": 3600, "account": "acme", "rows": 60}\n'
        '{"at": 3601.5, "account": "acme", "rows": 60}\n'
        '{"at": "1970-01-01T04:00:00+01:00", "account": "acme", "rows": 60}\n'
        '\n{"at": 3602, "account": "big", "rows": 60, "tier": "enterprise", "seconds": 2}\n'
    )
    return file


def run(*words: str) -> int | str | None:
    """The exit code of ``moatkeeper replay`` with these words."""
    with pytest.raises(SystemExit) as left:
        main(["replay", *words])
    return left.value.code


def figures(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """What ``moatkeeper replay --json`` prints."""
    assert run(*words, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def test_a_log_to_check_by_hand(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = figures(capsys, "--log", str(log))
    assert (document["queries"], document["rows"]) == (4, 240)
    assert (document["refused_queries"], document["refused_rows"]) == (1, 60)
    assert document["accounts"] == {"acme": {"queries": 1, "rows": 60}}
    assert document["tiers"] == {
        "enterprise": {"accounts": 1, "accounts_noticing": 0, "queries": 1, "refused_queries": 0, "refused_rows": 0},
        "free": {"accounts": 1, "accounts_noticing": 1, "queries": 3, "refused_queries": 1, "refused_rows": 60},
    }


def test_another_configuration_gives_another_answer(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "moatkeeper.toml"
    config.write_text('[tiers.free]\nlimits = [{ scope = "account", unit = "rows", amount = 120 }]\n')
    assert figures(capsys, "--log", str(log), "--config", str(config))["refused_queries"] == 0


def test_people_get_the_same_in_words(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--log", str(log)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("4 queries with 240 rows; 1 queries with 60 rows would have been refused")
    assert "acme" in shown


def test_a_ledger_and_its_export_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    with Ledger.open(data) as ledger:
        ledger.append(START, 0.0, start_record(version="1", process=1))
        for number, at in enumerate((3600.0, 3601.0, 9000.0)):
            asked = query(number, at, 60)
            decision = Decision(True, True, "admitted", 0.0, Standing.GOOD, Contract())
            fields = query_record(
                asked, decision, format="tensorflow", operation="predict", status=200, usage=Usage(60), latency_s=0.5
            )
            ledger.append(QUERY, at, fields)
    with pytest.raises(SystemExit, match="0"):
        main(["ledger", "export", "--data", str(data), "--out", str(tmp_path / "export.jsonl")])
    capsys.readouterr()
    from_ledger = figures(capsys, "--ledger", str(data))
    assert from_ledger == figures(capsys, "--log", str(tmp_path / "export.jsonl"))
    assert (from_ledger["queries"], from_ledger["refused_queries"]) == (3, 1)


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"account": "a"}',
        '{"at": 1}',
        '{"at": "yesterday", "account": "a"}',
        '{"at": "2026-01-01T00:00:00", "account": "a"}',
        '{"at": 1, "account": "a", "rows": -1}',
        '{"at": 1, "account": "a", "rows": "many"}',
        '{"at": 1, "account": "a", "tier": 3}',
        '{"at": true, "account": "a"}',
        '{"at": 1, "account": "a", "rows": true}',
    ],
)
def test_a_line_that_cannot_be_replayed_is_named(line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"at": 1, "account": "a"}\n' + line + "\n")
    assert run("--log", str(file)) == 2
    assert f"error: {file}:2: found a line that cannot be replayed, expected " in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--log", "a", "--ledger", "b"], ["--log", "not-there.jsonl"]])
def test_without_one_log_there_is_nothing_to_replay(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert "expected" in capsys.readouterr().err
