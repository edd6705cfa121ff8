"""``moatkeeper keys`` through the front door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moatkeeper.cli.main import main
from moatkeeper.store.keys import Keys


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, the output and the errors of one command."""
    with pytest.raises(SystemExit) as caught:
        main(["keys", *words])
    code = caught.value.code
    out = capsys.readouterr()
    return (code if isinstance(code, int) else 0), out.out, out.err


def test_a_key_made_here_works_until_it_is_revoked_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--data", str(tmp_path / "data"))
    code, out, err = run(capsys, "add", "acme", "--tier", "free", *place)
    assert code == 0
    presented = out.strip().encode()
    key_id = presented.decode().split("_")[1]
    assert key_id in err
    with Keys.open(tmp_path / "data") as keys:
        record = keys.check(presented, 0.0)
        assert record is not None
        assert (record.account.id, record.account.tier) == ("acme", "free")
        assert run(capsys, "revoke", key_id, *place)[:2] == (0, f"revoked {key_id} of acme\n")
        keys.refresh()
        assert keys.check(presented, 0.0) is None


def test_the_list_never_shows_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--data", str(tmp_path / "data"))
    made = json.loads(run(capsys, "add", "acme", "--days", "30", "--label", "ours", "--json", *place)[1])
    run(capsys, "add", "other", *place)
    _, human, _ = run(capsys, "list", *place)
    _, machine, _ = run(capsys, "list", "--account", "acme", "--json", *place)
    assert made["id"] in human
    assert "valid until" in human
    assert [record["id"] for record in json.loads(machine)] == [made["id"]]
    assert made["key"].split("_")[2] not in human + machine


@pytest.mark.parametrize(
    ("words", "code"),
    [(("add", ""), 2), (("add", "a\nb"), 2), (("add", "a", "--days", "0"), 2), (("revoke", "nobody"), 4), (("list",), 4)],
)
def test_wrong_words_end_with_their_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int
) -> None:
    assert run(capsys, *words, "--data", str(tmp_path / "data"))[0] == code


def test_an_unknown_key_is_a_wrong_word_where_there_are_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--data", str(tmp_path / "data"))
    run(capsys, "add", "acme", *place)
    code, _, err = run(capsys, "revoke", "nobody", *place)
    assert code == 2
    assert "hint: See: moatkeeper keys list" in err


@pytest.mark.parametrize("command", ["add", "list", "revoke"])
def test_every_command_shows_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert f"Example: moatkeeper keys {command}" in run(capsys, command, "--help")[1]
