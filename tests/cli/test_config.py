"""``moatkeeper config`` through its front door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moatkeeper.cli.main import main
from moatkeeper.config.settings import Settings


def run(*words: str) -> int | str | None:
    """The exit code of ``moatkeeper config`` with these words."""
    with pytest.raises(SystemExit) as left:
        main(["config", *words])
    return left.value.code


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "moatkeeper.toml"
    path.write_text('[limits]\nmode = "enforce"\n\n[models."a.b".price]\nper_row = 2\n')
    return path


def test_a_good_file_is_said_to_be_good(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(file)) == 0
    assert capsys.readouterr().out == f"{file}: good. Limits are enforced; tiers: free, enterprise.\n"


def test_a_faulty_file_exits_3_with_every_fault_on_standard_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("[server]\nport = -1\nprot = 1\n")
    assert run("check", str(file)) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{file}:2: server.port: found -1" in shown.err
    assert f"{file}:3: server.prot: found an unknown key" in shown.err


def test_a_named_file_that_is_missing_is_a_fault(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text('[upstream]\nca_file = "not-there.pem"\n')
    assert run("check", str(file)) == 3
    assert "upstream.ca_file" in capsys.readouterr().err


def test_the_environment_names_the_file_where_the_command_line_does_not(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOATKEEPER_CONFIG", str(file))
    assert run("check") == 0
    assert str(file) in capsys.readouterr().out


def test_show_names_where_each_setting_comes_from(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", str(file), "--json") == 0
    shown = {line["key"]: (line["value"], line["origin"]) for line in json.loads(capsys.readouterr().out)}
    assert shown["limits.mode"] == ("enforce", f"{file}:2")
    assert shown['models."a.b".price.per_row'] == (2.0, f"{file}:5")
    assert shown["server.port"] == (8080, "default")


def test_show_without_a_file_shows_the_defaults(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOATKEEPER_CONFIG", raising=False)
    assert run("show") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["server.port", "8080", "default"] in lines
    assert ["upstream.url", "none", "default"] in lines
    assert all(line[-1] == "default" for line in lines[2:])


def test_the_schema_for_machines_is_the_json_schema_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(Settings.model_json_schema()))


def test_the_schema_for_people_names_every_setting_of_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    shown = capsys.readouterr().out
    assert "[server]" in shown
    assert "[[wire.generic]]" in shown
    assert all(f"\n  {name}  (" in shown for name in Settings.model_fields["server"].default.__class__.model_fields)
