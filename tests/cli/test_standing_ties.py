"""``moatkeeper standing tie``, ``untie`` and ``ties`` through the front door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moatkeeper.cli.main import main
from moatkeeper.store.actors import Actors


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, the output and the errors of one command."""
    with pytest.raises(SystemExit) as caught:
        main(["standing", *words])
    code = caught.value.code
    out = capsys.readouterr()
    return (code if isinstance(code, int) else 0), out.out, out.err


def test_accounts_are_tied_listed_shown_and_untied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--data", str(tmp_path / "data"))
    code, out, _ = run(capsys, "tie", "ring-1", "acme", "bravo", "--reason", "ring", "--note", "hunt of Monday", *place)
    assert (code, out) == (0, "ring-1: 2 accounts share the limits of one\n")
    assert run(capsys, "tie", "ring-1", "carol", "--reason", "ring", *place)[1].startswith("ring-1: 3 accounts")
    _, out, _ = run(capsys, "ties", *place)
    assert all(word in out for word in ("ring-1", "acme", "bravo", "carol", "hunt of Monday"))
    assert "shares the limits of ring-1 (ring)" in run(capsys, "show", "acme", *place)[1]
    assert run(capsys, "untie", "acme", "--note", "appeal", *place)[:2] == (0, "acme: no longer shares the limits of ring-1\n")
    assert run(capsys, "show", "acme", *place)[1] == "acme: good\n"
    with Actors.open(tmp_path / "data") as actors:
        assert actors.all() == {"bravo": "ring-1", "carol": "ring-1"}


def test_machines_are_told_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--json", "--data", str(tmp_path / "data"))
    made = json.loads(run(capsys, "tie", "ring-1", "bravo", "acme", "--reason", "ring", *place)[1])
    assert made == {"actor": "ring-1", "tied": ["bravo", "acme"], "accounts": ["acme", "bravo"]}
    listed = json.loads(run(capsys, "ties", *place)[1])
    assert [(one["actor"], one["account"], one["reason"]) for one in listed] == [
        ("ring-1", "acme", "ring"),
        ("ring-1", "bravo", "ring"),
    ]
    assert json.loads(run(capsys, "show", "acme", *place)[1])["actor"] == "ring-1"
    assert json.loads(run(capsys, "untie", "acme", *place)[1]) == {"account": "acme", "before": "ring-1"}
    assert json.loads(run(capsys, "show", "acme", *place)[1])["actor"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("tie", "ring-1", "--reason", "x"),
        ("tie", "ring-1", "acme"),
        ("tie", "", "acme", "--reason", "x"),
        ("tie", "ring-1", "a\tb", "--reason", "x"),
        ("untie", "nobody"),
    ],
)
def test_wrong_words_end_with_exit_code_2_and_tie_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    Actors.open(tmp_path / "data").close()
    assert run(capsys, *words, "--data", str(tmp_path / "data"))[0] == 2
    code, out, err = run(capsys, "ties", "--data", str(tmp_path / "data"))
    assert (code, out) == (0, "")
    assert "stands alone" in err


@pytest.mark.parametrize("command", ["tie", "untie", "ties"])
def test_every_command_shows_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert f"Example: moatkeeper standing {command}" in run(capsys, command, "--help")[1]
