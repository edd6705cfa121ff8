"""Shared options: spelled once, the same in every command that has them."""

from __future__ import annotations

import re

from moatkeeper.cli.options import CONFIG_VARIABLE, DEFAULT_DATA
from moatkeeper.cli.reference import commands
from moatkeeper.config.load import VARIABLE
from moatkeeper.config.settings import Settings


def test_the_defaults_of_the_command_line_are_those_of_the_settings() -> None:
    assert Settings().server.data == DEFAULT_DATA
    assert CONFIG_VARIABLE == VARIABLE


def test_every_command_with_a_configuration_takes_it_from_the_environment_too() -> None:
    campaigns = ("rehearse",)  # its file is a campaign's, not the gateway's
    taking = [command for command in commands() if re.search(r"--config\b", command.text) and command.words != campaigns]
    assert taking
    assert all(CONFIG_VARIABLE in command.text for command in taking)
