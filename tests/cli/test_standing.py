"""``moatkeeper standing`` through the front door."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from moatkeeper.cli.main import main
from moatkeeper.core.judgement import Standing
from moatkeeper.guard.ladder import Kind, Move
from moatkeeper.store.proposals import Proposals
from moatkeeper.store.standings import KEEPER, Standings


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


@pytest.mark.parametrize(
    "command", ["set", "show", "list", "undo", "hold", "allow", "allowances", "proposals", "approve", "dismiss"]
)
def test_every_command_shows_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert f"Example: moatkeeper standing {command}" in run(capsys, command, "--help")[1]


def restricted(data: Path, account: str = "acme") -> None:
    """The guard has restricted an account, by degrees."""
    with Standings.open(data) as standings:
        for standing in (Standing.WATCHED, Standing.RESTRICTED):
            standings.set(account, standing, reason="pattern:low-margin", who=KEEPER, automatic=True)


def test_undo_goes_back_step_by_step_and_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    restricted(data)
    place = ("--data", str(data))
    code, out, _ = run(capsys, "undo", "acme", "--days", "10", "--note", "our own test", *place)
    assert code == 0
    assert out.startswith("acme: restricted -> watched, held until ")
    assert json.loads(run(capsys, "undo", "acme", "--json", *place)[1])["standing"] == "good"
    shown = json.loads(run(capsys, "show", "acme", "--json", *place)[1])
    assert shown["standing"] == "good"
    assert shown["hold"]["reason"] == "undo"
    assert [change["automatic"] for change in shown["history"]] == [True, True, False, False]
    code, _, err = run(capsys, "undo", "acme", *place)
    assert (code, "found no change" in err) == (2, True)


def test_setting_back_what_the_guard_did_holds_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    restricted(data)
    run(capsys, "set", "acme", "good", "--reason", "appeal", "--data", str(data))
    assert json.loads(run(capsys, "show", "acme", "--json", "--data", str(data))[1])["hold"] is not None
    run(capsys, "set", "other", "watched", "--reason", "x", "--data", str(data))
    run(capsys, "set", "other", "good", "--reason", "x", "--data", str(data))
    assert json.loads(run(capsys, "show", "other", "--json", "--data", str(data))[1])["hold"] is None


def test_a_hold_is_given_and_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--data", str(tmp_path / "data"))
    assert "held until" in run(capsys, "hold", "acme", "--reason", "migration", *place)[1]
    assert "held until" in run(capsys, "show", "acme", *place)[1]
    assert run(capsys, "hold", "acme", "--reason", "over", "--days", "0", *place)[1] == "acme: no longer held\n"
    assert "held until" not in run(capsys, "show", "acme", *place)[1]


def test_who_is_allowed_gets_back_what_the_guard_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    restricted(data)
    place = ("--data", str(data))
    given = json.loads(run(capsys, "allow", "acme", "--days", "90", "--reason", "licence", "--json", *place)[1])
    assert (given["scope"], given["name"], given["restored"]) == ("account", "acme", True)
    assert run(capsys, "show", "acme", *place)[1].startswith("acme: good\nallowed until ")
    run(capsys, "allow", "group", "--days", "9", "--reason", "batch", "--organisation", *place)
    listed = json.loads(run(capsys, "allowances", "--json", *place)[1])
    assert [(one["scope"], one["name"]) for one in listed] == [("account", "acme"), ("organisation", "group")]
    assert run(capsys, "allow", "acme", "--days", "0", "--reason", "over", *place)[1] == "acme: no longer allowed\n"
    assert len(json.loads(run(capsys, "allowances", "--json", *place)[1])) == 1
    assert len(json.loads(run(capsys, "allowances", "--all", "--json", *place)[1])) == 2


def test_proposals_wait_and_are_approved_or_dismissed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    place = ("--data", str(data))
    with Proposals.open(data) as proposals:
        for account in ("acme", "other"):
            proposals.propose(
                Move(account, "m", 5.0, Standing.GOOD, Standing.SUSPENDED, Kind.PROPOSED, "pattern:x", "words", 1_500.0)
            )
    assert "pattern:x" in run(capsys, "proposals", *place)[1]
    assert run(capsys, "approve", "acme", "--note", "seen", *place)[1] == "acme: good -> suspended\n"
    assert run(capsys, "dismiss", "other", *place)[1].startswith("other: dismissed, held until ")
    assert json.loads(run(capsys, "proposals", "--json", *place)[1]) == []
    assert run(capsys, "approve", "acme", *place)[0] == 2
    shown = json.loads(run(capsys, "show", "acme", "--json", *place)[1])
    assert (shown["standing"], shown["history"][-1]["automatic"]) == ("suspended", False)


def test_the_length_of_a_hold_comes_from_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "moatkeeper.toml"
    config.write_text("[patterns]\nhold = 86_400\n")
    words = ("hold", "acme", "--reason", "x", "--json", "--data", str(tmp_path / "data"))
    ends = [
        datetime.fromisoformat(json.loads(run(capsys, *words, *more)[1])["until"]) for more in ((), ("--config", str(config)))
    ]
    assert ends[0] - ends[1] > timedelta(days=28)
