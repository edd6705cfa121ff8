"""Reading the file again: what is good is taken up, what is bad changes nothing, and what cannot change is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from moatkeeper.config.load import load
from moatkeeper.config.reload import FIXED, Watcher
from moatkeeper.config.settings import Settings
from moatkeeper.errors import ConfigError

SHADOW = '[limits]\nmode = "shadow"\n'
ENFORCE = '[limits]\nmode = "enforce"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "moatkeeper.toml"
    path.write_text(SHADOW)
    return path


def test_an_unchanged_file_gives_nothing(file: Path) -> None:
    watcher = Watcher(file, load(file))
    assert watcher.poll() is None
    file.write_text(SHADOW)
    assert watcher.poll() is None


def test_a_changed_file_gives_its_settings_once(file: Path) -> None:
    watcher = Watcher(file, load(file))
    file.write_text(ENFORCE)
    assert watcher.poll() == load(file)
    assert watcher.poll() is None
    assert watcher.settings.limits.mode == "enforce"


def test_a_bad_file_is_refused_once_and_the_old_settings_stay(file: Path) -> None:
    watcher = Watcher(file, before := load(file))
    file.write_text("[limits]\nmode = 1\n")
    with pytest.raises(ConfigError, match=r"moatkeeper\.toml:2: limits\.mode"):
        watcher.poll()
    assert watcher.poll() is None
    assert watcher.settings == before
    file.write_text(ENFORCE)
    assert watcher.poll() == load(file)


@pytest.mark.parametrize("damage", [b"[limits", b"\xff"])
def test_what_is_not_toml_is_refused(file: Path, damage: bytes) -> None:
    watcher = Watcher(file, load(file))
    file.write_bytes(damage)
    with pytest.raises(ConfigError, match="expected TOML"):
        watcher.poll()


def test_a_file_that_is_gone_is_refused_and_taken_up_when_it_is_back(file: Path) -> None:
    watcher = Watcher(file, load(file))
    file.unlink()
    with pytest.raises(ConfigError, match="no readable file"):
        watcher.poll()
    assert watcher.poll() is None
    file.write_text(ENFORCE)
    assert watcher.poll() is not None


def test_a_change_of_what_cannot_change_is_refused_by_name(file: Path) -> None:
    watcher = Watcher(file, before := load(file))
    file.write_text(ENFORCE + "[server]\nport = 1\ndata = 'elsewhere'\n")
    with pytest.raises(ConfigError, match=r"another server\.port, server\.data"):
        watcher.poll()
    assert watcher.settings == before


def test_what_the_command_line_said_still_stands_after_a_reload(file: Path) -> None:
    overrides = {"server.port": 9000}
    watcher = Watcher(file, load(file, overrides), overrides)
    file.write_text(ENFORCE + "[server]\nport = 1\n")
    settings = watcher.poll()
    assert settings is not None
    assert settings.server.port == 9000


def test_every_fixed_setting_exists() -> None:
    defaults = Settings()
    for name in FIXED:
        section, key = name.split(".")
        assert hasattr(getattr(defaults, section), key), name
