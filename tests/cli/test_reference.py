"""The generated pages: they hold every setting and every command, and look the same wherever they are generated."""

from __future__ import annotations

import pytest

from moatkeeper.cli.main import COMMANDS
from moatkeeper.cli.reference import commands, commands_page, settings_page
from moatkeeper.config.describe import tables
from moatkeeper.config.settings import Settings


def test_every_table_and_setting_stands_on_the_page_of_settings() -> None:
    page = settings_page()
    for table in tables(Settings):
        assert f"## `{table.header}`" in page
        for setting in table.settings:
            assert f"| `{setting.path.rsplit('.', 1)[-1]}`" in page, setting.path


def test_every_command_stands_on_the_page_of_commands() -> None:
    page = commands_page()
    found = [command.words for command in commands()]
    assert {words[0] for words in found} == set(COMMANDS)
    assert ("ledger", "verify") in found
    assert all(f" moatkeeper {' '.join(words)}\n" in page for words in found)


def test_the_width_of_the_terminal_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    page = commands_page()
    monkeypatch.setenv("COLUMNS", "40")
    assert commands_page() == page
