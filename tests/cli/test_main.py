"""The command itself: listed fast, silent about its insides, and with exit codes that scripts can rely on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from moatkeeper import __version__
from moatkeeper.cli import main as module
from moatkeeper.cli.main import COMMANDS, EXIT_INTERRUPTED, EXIT_UNEXPECTED, main
from moatkeeper.cli.reference import commands
from moatkeeper.errors import ConfigError, LedgerBroken, MoatkeeperError, StoreError

HEAVY = ("numpy", "pydantic", "orjson", "uvicorn", "sklearn")


def broken() -> None:
    """A command that fails as nobody foresaw."""
    raise ZeroDivisionError("by nothing")


def interrupted() -> None:
    """A command that is stopped from the keyboard."""
    raise KeyboardInterrupt


def misconfigured() -> None:
    """A command that fails in good order."""
    raise ConfigError("found this, expected that", hint="write that")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree of commands with some that fail."""
    here = replace(COMMANDS["serve"], module=__name__)
    added = {name: replace(here, attribute=name) for name in ("broken", "interrupted", "misconfigured")}
    monkeypatch.setattr(module, "COMMANDS", {**COMMANDS, **added})


def leave(*words: str) -> int | str | None:
    """The exit code of a run."""
    with pytest.raises(SystemExit) as left:
        main(words)
    return left.value.code


def test_the_list_of_commands_imports_none_of_them() -> None:
    program = f"""
import sys
from moatkeeper.cli.main import main
try:
    main(["--help"])
except SystemExit:
    sys.exit(" ".join(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == "\n" or done.stderr == "", done.stderr
    assert "serve" in done.stdout


def test_every_command_says_what_it_does_and_shows_an_example() -> None:
    for command in commands():
        assert command.text.startswith(f"Usage: moatkeeper {' '.join(command.words)} "), command.words
        assert command.group or "Example" in command.text, f"{command.words} has no example"


def test_the_list_of_commands_says_what_each_command_says_of_itself() -> None:
    told = {command.words[0]: command.text for command in commands() if len(command.words) == 1}
    assert {name: entry.help for name, entry in COMMANDS.items() if entry.help not in told[name]} == {}


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("--version") == 0
    assert capsys.readouterr().out == f"moatkeeper {__version__}\n"


@pytest.mark.parametrize("words", [["nonsense"], ["serve", "--nonsense"], ["config", "nonsense"], ["serve", "--port", "x"]])
def test_words_that_mean_nothing_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(*words) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("failing")
def test_an_error_on_purpose_is_a_line_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("misconfigured") == 3
    assert capsys.readouterr().err == "error: found this, expected that\nhint: write that\n"


@pytest.mark.usefixtures("failing")
def test_an_error_that_nobody_foresaw_is_a_line_and_exit_70(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("broken") == EXIT_UNEXPECTED
    shown = capsys.readouterr().err
    assert shown.startswith("error: ZeroDivisionError: by nothing\nhint: ")
    assert "--debug" in shown
    assert "Traceback" not in shown


@pytest.mark.usefixtures("failing")
def test_a_run_that_is_interrupted_exits_130_in_silence_about_its_insides(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("interrupted") == EXIT_INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("words", [["--debug", "broken"], ["broken", "--debug"]])
def test_debug_lets_the_error_through_with_its_traceback(words: list[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        main(words)


@pytest.mark.parametrize(("error", "code"), [(MoatkeeperError, 1), (StoreError, 4), (LedgerBroken, 5)])
def test_exit_codes_are_those_of_the_error_tree(error: type[MoatkeeperError], code: int) -> None:
    assert error.exit_code == code


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "moatkeeper", "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == f"moatkeeper {__version__}\n"


def test_an_entry_names_a_module_and_what_it_holds() -> None:
    assert all(entry.module.startswith("moatkeeper.cli.") and entry.attribute for entry in COMMANDS.values())
