"""``moatkeeper ledger`` through the front door."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from moatkeeper.cli.main import main
from moatkeeper.store.ledger import Ledger
from moatkeeper.store.sqlite import connect


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A ledger of three records, one of them with a name that would colour a terminal."""
    with Ledger.open(tmp_path / "data") as ledger:
        for number, model in enumerate(["credit", "\x1b[31mred", "credit"], start=1):
            ledger.append("query", float(number), {"account": "acme", "model": model, "status": 200, "admitted": True})
    return tmp_path / "data"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, the output and the errors of one command."""
    with pytest.raises(SystemExit) as caught:
        main(["ledger", *words])
    code = caught.value.code
    out = capsys.readouterr()
    return (code if isinstance(code, int) else 0), out.out, out.err


def harm(data: Path) -> None:
    with closing(connect(data)) as connection:
        connection.execute("UPDATE ledger SET body = CAST(replace(body, 'acme', 'amce') AS BLOB) WHERE seq = 2")


def test_verify_says_how_much_verified_and_up_to_where(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "verify", "--data", str(data))
    assert code == 0
    assert "verified  3 records" in out
    assert "1970-01-01T00:00:01.000+00:00" in out
    head = out.split()[-1]
    assert run(capsys, "verify", "--data", str(data), "--head", head)[0] == 0
    code, out, _ = run(capsys, "verify", "--data", str(data), "--json")
    assert json.loads(out) == {
        "verified": True,
        "records": 3,
        "erased": 0,
        "first": "1970-01-01T00:00:01.000+00:00",
        "last": "1970-01-01T00:00:03.000+00:00",
        "head": head,
    }


def test_verify_names_the_first_fault_and_exits_with_5(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    harm(data)
    code, out, err = run(capsys, "verify", "--data", str(data))
    assert (code, out) == (5, "")
    assert "record 2: its body was changed" in err


def test_verify_finds_an_end_cut_off_by_the_head_that_was_noted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = run(capsys, "verify", "--data", str(data))[1].split()[-1]
    with closing(connect(data)) as connection:
        connection.execute("DELETE FROM ledger WHERE seq = 3")
    code, _, err = run(capsys, "verify", "--data", str(data), "--head", head)
    assert code == 5
    assert "record 3: it is missing" in err


def test_an_export_verifies_offline_until_a_byte_of_it_changes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "export.jsonl"
    assert run(capsys, "export", "--data", str(data), "--out", str(file))[0] == 0
    assert file.stat().st_mode & 0o077 == 0
    assert "verified  3 records" in run(capsys, "verify", "--file", str(file))[1]
    file.write_bytes(file.read_bytes().replace(b"acme", b"amce", 1))
    code, _, err = run(capsys, "verify", "--file", str(file))
    assert code == 5
    assert "record 1: its body was changed" in err


def test_an_export_never_writes_over_a_file(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "precious"
    file.write_text("precious")
    code, _, err = run(capsys, "export", "--data", str(data), "--out", str(file))
    assert code == 2
    assert "does not exist yet" in err
    assert file.read_text() == "precious"


def test_show_prints_a_table_that_cannot_speak_to_the_terminal(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "--data", str(data))
    assert code == 0
    assert out.count("acme") == 3
    assert "model=credit status=200 admitted=true" in out
    assert "\x1b" not in out


def test_show_prints_json_lines_and_takes_filters(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--account", "acme", "--since", "1970-01-01T00:00:02Z", "-n", "1", "--json")
    _, out, _ = run(capsys, "show", "--data", str(data), *words)
    (line,) = out.splitlines()
    assert json.loads(line)["seq"] == 3
    assert run(capsys, "show", "--data", str(data), "--account", "nobody")[1] == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("verify", "--head", "nonsense"), 2),
        (("show", "--since", "yesterday"), 2),
        (("export", "--after", "99"), 2),
        (("verify", "--data", "/dev/null/nowhere"), 4),
        (("verify", "--file", "/dev/null/nowhere"), 4),
    ],
)
def test_wrong_words_and_missing_files_end_with_their_code_and_a_hint(
    data: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int
) -> None:
    found, _, err = run(capsys, *words, *(() if "--data" in words else ("--data", str(data))))
    assert found == code
    assert "hint: " in err


@pytest.mark.parametrize("command", ["verify", "show", "export"])
def test_every_command_shows_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert f"Example: moatkeeper ledger {command}" in run(capsys, command, "--help")[1]
