"""``moatkeeper standing`` through the front door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moatkeeper.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, the output and the errors of one command."""
    with pytest.raises(SystemExit) as caught:
        main(["standing", *words])
    code = caught.value.code
    out = capsys.readouterr()
    return (code if isinstance(code, int) else 0), out.out, out.err


def test_a_standing_is_set_shown_listed_and_set_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--data", str(tmp_path / "data"))
    assert (
        run(capsys, "set", "acme", "watched", "--reason", "line", "--note", "two bursts", *place)[1]
        == "acme: good -> watched\n"
    )
    _, out, _ = run(capsys, "list", *place)
    assert "acme" in out
    assert "two bursts" in out
    assert run(capsys, "set", "acme", "good", "--reason", "appeal", *place)[1] == "acme: watched -> good\n"
    assert run(capsys, "list", *place)[1] == ""
    _, out, _ = run(capsys, "show", "acme", "--json", *place)
    shown = json.loads(out)
    assert shown["standing"] == "good"
    assert [change["reason"] for change in shown["history"]] == ["line", "appeal"]


def test_an_account_that_nobody_judged_is_shown_as_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--data", str(tmp_path / "data"))
    run(capsys, "set", "acme", "watched", "--reason", "line", *place)
    assert run(capsys, "show", "other", *place)[1] == "other: good\n"
    assert json.loads(run(capsys, "list", "--json", *place)[1])[0]["account"] == "acme"


@pytest.mark.parametrize(
    "words", [("set", "acme", "naughty", "--reason", "x"), ("set", "acme", "watched"), ("set", "", "good", "--reason", "x")]
)
def test_wrong_words_end_with_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert run(capsys, *words, "--data", str(tmp_path / "data"))[0] == 2


@pytest.mark.parametrize("command", ["set", "show", "list"])
def test_every_command_shows_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert f"Example: moatkeeper standing {command}" in run(capsys, command, "--help")[1]
