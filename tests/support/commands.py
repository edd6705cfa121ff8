"""The command line as an operator uses it: `moatkeeper` in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson

COMMAND_TIMEOUT_S = 60.0


def moatkeeper(*words: str | Path, status: int = 0) -> str:
    """What a command prints on standard output; fails unless it ends with ``status``."""
    command = [sys.executable, "-m", "moatkeeper", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
    assert done.returncode == status, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def moatkeeper_json(*words: str | Path) -> Mapping[str, object]:
    """What a command prints with ``--json``."""
    document = orjson.loads(moatkeeper(*words, "--json"))
    assert isinstance(document, dict)
    return document


def add_key(data: Path, account: str, *options: str) -> Mapping[str, str]:
    """A new key's fields, among them the key itself."""
    return {name: str(value) for name, value in moatkeeper_json("keys", "add", account, "--data", data, *options).items()}


def as_in_a_terminal() -> None:
    """Lets Ctrl-C through again: tests that run in the background may have it ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
