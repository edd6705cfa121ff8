from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moatkeeper.cli.serve import announcement
from moatkeeper.config.load import load
from moatkeeper.serve.run import Addresses


def moatkeeper(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, which must end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "moatkeeper", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_help_has_an_example_and_every_option() -> None:
    shown = moatkeeper("serve", "--help").stdout
    assert "moatkeeper serve --upstream http://127.0.0.1:8000" in shown
    for option in ("--upstream", "--host", "--port", "--admin-host", "--admin-port", "--data", "--config", "-c"):
        assert option in shown


def test_without_a_model_server_the_start_stops_with_a_hint_and_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ended = moatkeeper("serve", "--data", str(data))
    assert ended.returncode == 3
    assert "no model server is configured" in ended.stderr
    assert "hint: run: moatkeeper serve --upstream http://127.0.0.1:8000" in ended.stderr
    assert not data.exists()


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://user:secret@127.0.0.1"])
def test_an_address_that_is_none_stops_the_start_and_is_not_repeated_with_its_secret(url: str, tmp_path: Path) -> None:
    ended = moatkeeper("serve", "--upstream", url, "--data", str(tmp_path / "data"))
    assert ended.returncode == 3
    assert "upstream" in ended.stderr
    assert "secret" not in ended.stderr


def test_a_configuration_named_by_the_environment_is_read(tmp_path: Path) -> None:
    file = tmp_path / "faulty.toml"
    file.write_text("[server]\nprot = 1\n")
    ended = moatkeeper("serve", "--upstream", "http://127.0.0.1:9", MOATKEEPER_CONFIG=str(file))
    assert ended.returncode == 3
    assert f"{file}:2" in ended.stderr


def test_the_data_folder_may_be_named_by_the_environment_and_an_option_goes_before_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    words = ("serve", "--upstream", "http://127.0.0.1:9", "--port", "0", "--admin-port", "0")
    named = moatkeeper(*words, MOATKEEPER_DATA=str(file))
    assert (named.returncode, str(file) in named.stderr) == (4, True)
    other = tmp_path / "other"
    other.write_text("no folder")
    overridden = moatkeeper(*words, "--data", str(other), MOATKEEPER_DATA=str(file))
    assert (overridden.returncode, str(other) in overridden.stderr) == (4, True)


def test_the_announcement_says_whether_limits_refuse_anybody(tmp_path: Path) -> None:
    at = Addresses("http://127.0.0.1:1", "http://127.0.0.1:2")
    shadow = announcement(at, load(None, {"upstream.url": "http://127.0.0.1:9", "server.data": tmp_path}))
    enforced = announcement(at, load(None, {"upstream.url": "http://127.0.0.1:9", "limits.mode": "enforce"}))
    assert "nobody is refused" in shadow
    assert "nobody is refused" not in enforced
    assert "http://127.0.0.1:1" in shadow
    assert "http://127.0.0.1:2" in shadow
