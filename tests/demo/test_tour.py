from __future__ import annotations

import shlex
from pathlib import Path

from moatkeeper.demo.stage import Stage
from moatkeeper.demo.tour import VISITORS, tour


def test_every_command_can_be_pasted_and_names_only_the_stages_own_addresses() -> None:
    keys = {name: f"mk_{name}" for name in VISITORS}
    stage = Stage("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3", Path("a b"), keys, ())
    commands = [shlex.split(line) for line in tour(stage).splitlines() if line.startswith("  ")]
    assert [words[0] for words in commands] == ["curl", "curl", "curl", "python3", "curl", "moatkeeper"]
    addresses = {word.split("/v1")[0] for words in commands for word in words if word.startswith("http")}
    assert addresses == {"http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3/metrics"}
    assert commands[-1] == ["moatkeeper", "ledger", "verify", "--data", "a b"]
    assert "Authorization: Bearer mk_visitor-labels" in commands[2]
