"""``moatkeeper hunt`` through its front door: a log in, rings first, an exit code for cron."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moatkeeper.cli.hunt import EXIT_FOUND
from moatkeeper.cli.main import main
from moatkeeper.errors import StoreError
from tests.support.hunting import customers, in_order, ring
from tests.support.logs import calls, write

STORE_EXIT = StoreError.exit_code


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers and a ring, in Moatkeeper's own log, with a broken line."""
    file = write("moatkeeper", in_order(customers(300, 0), ring(40, 1)), tmp_path_factory.mktemp("log"))
    file.write_text(file.read_text() + "broken\n")
    return file


def run(*words: str | Path) -> int:
    """The exit code of ``moatkeeper hunt`` with these words."""
    with pytest.raises(SystemExit) as left:
        main(["hunt", *map(str, words)])
    return int(str(left.value.code or 0))


def test_rings_are_printed_first_then_accounts_then_what_was_not_looked_at(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "found.html"
    assert run(log, "--html", page) == EXIT_FOUND
    out = capsys.readouterr().out
    places = [out.index(part) for part in ("ring", "A RING from 2026-02-", "0 accounts named", "1 broken lines were left out")]
    assert places == sorted(places)
    assert "ring-" in out[places[1] : places[2]]
    html = page.read_text(encoding="utf-8")
    assert "A ring, 2026-02-" in html
    assert html.index("A ring, ") < html.index("How the logs were read")


def test_json_is_the_documented_document(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(log, "--json") == EXIT_FOUND
    document = json.loads(capsys.readouterr().out)
    text = (Path(__file__).parents[2] / "docs/reference/hunt-json.md").read_text(encoding="utf-8")
    names = set(document) | set(document["models"][0]) | set(document["models"][0]["rings"][0])
    names |= set(document["models"][0]["ranked"][0])
    assert {name for name in names if f"`{name}`" not in text} == set()
    assert document["found"]
    assert document["models"][0]["rings"][0]["signs"][0]["z"] > document["models"][0]["rings"][0]["signs"][0]["allowed"]


def test_nobody_stands_out_in_a_small_honest_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(write("columns", calls(300, 6), tmp_path)) == 0
    out = capsys.readouterr().out
    assert out.startswith("Nobody stands out beyond the stated rate.")
    assert "only ranked" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.jsonl"], 2, "nowhere.jsonl: found no such file, expected a log"),
        (["{log}", "--format", "splunk"], 2, "the log format 'splunk' is not known"),
        (["{log}", "--format", "nginx", "--columns", "account=a"], 2, "expected --columns alone"),
        (["{log}", "--columns", "whom=a"], 2, "--columns: found 'whom=a'"),
        (["{log}", "--since", "yesterday"], 2, "--since: found the time 'yesterday'"),
        (["{log}", "--html", "/nowhere/page.html"], 2, "expected a file to write"),
        (["{log}", "--calibration", "{log}"], 3, "that are no calibration"),
        (["{log}", "--calibration", "nowhere"], 4, "expected a calibration that can be read"),
        (["{strange}"], 2, "expected a log of one of these forms"),
    ],
)
def test_wrong_words_and_files_are_one_line_and_a_code(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = tmp_path / "strange.jsonl"
    strange.write_text('{"a": 1}\n')
    log = write("moatkeeper", calls(5, 1), tmp_path)
    assert run(*(word.format(log=log, strange=strange) for word in words)) == code
    assert said in capsys.readouterr().err


def test_without_duckdb_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("moatkeeper.store.logs.engine.duckdb", None)
    assert run(write("moatkeeper", calls(5, 1), tmp_path)) == 3
    assert "pip install 'moatkeeper[hunt]'" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_page_that_finds_no_room_is_an_error_of_the_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(write("moatkeeper", customers(3, 0), tmp_path), "--html", "/dev/full") == STORE_EXIT
    assert "/dev/full: No space left on device" in capsys.readouterr().err
