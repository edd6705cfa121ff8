"""What was decided live is decided again when the ledger is replayed: the same refusals, for the same reasons."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.support.commands import add_key, moatkeeper_json
from tests.support.servers import RunningGateway, gateway, serving
from tests.support.tensorflow_server import TensorFlowServer

CONFIG = """
[limits]
mode = "enforce"
default_tier = "small"
shared = [
  { scope = "all", unit = "rows", amount = 60, per = "hour" },
  { scope = "model", unit = "requests", amount = 70, per = "hour" },
  { scope = "address", unit = "rows", amount = 30, per = "hour" },
]

[tiers.small]
limits = [{ scope = "account", unit = "rows", amount = 7 }]

[tiers.bulk]
limits = [
  { scope = "account", unit = "rows", amount = 15 },
  { scope = "organisation", unit = "rows", amount = 25 },
  { scope = "key", unit = "requests", amount = 60, per = "minute", burst = 9 },
]
"""
TIGHTER = CONFIG.replace("amount = 15", "amount = 11")


def test_a_replay_of_the_ledger_refuses_what_was_refused_live_and_for_the_same_reasons(tmp_path: Path) -> None:
    groups = ("group", "group", "another")
    keys = [
        add_key(tmp_path / "data", f"bulk-{number}", "--tier", "bulk", "--organisation", group)["key"]
        for number, group in enumerate(groups)
    ]
    with serving(TensorFlowServer().app()) as url, gateway(url, tmp_path, config=CONFIG) as running:
        statuses = drive(running, keys)
        live = httpx.get(running.admin + "/shadow").json()
        assert running.stop() == 0
    config = tmp_path / "moatkeeper.toml"
    replayed = moatkeeper_json("replay", "--ledger", running.data, "--config", config)
    reasons = replayed["reasons"]
    assert isinstance(reasons, dict)
    assert {reason: count["queries"] for reason, count in reasons.items()} == live["reasons"]
    assert replayed["queries"] == live["queries"] == sum(statuses.values())
    assert replayed["refused_queries"] == live["refused"] == statuses[429]
    assert len({reason.rsplit(":", 1)[0] for reason in reasons}) >= 4  # several kinds of limits did refuse
    config.write_text(TIGHTER)
    assert moatkeeper_json("replay", "--ledger", running.data, "--config", config)["reasons"] != reasons


def drive(running: RunningGateway, keys: list[str]) -> Counter[int]:
    """Mixed traffic: accounts side by side, each in its own order; then one after another, with failures among them."""

    def ask(client: httpx.Client, credential: str, rows: int, *, fails: bool = False) -> int:
        headers = {"authorization": f"Bearer {credential}"} if credential else {}
        body: dict[str, object] = {"inputs": {"unknown": [1.0] * rows}} if fails else {"instances": [1.0] * rows}
        return client.post(running.url + "/v1/models/m:predict", json=body, headers=headers).status_code

    def customer(credential: str) -> list[int]:
        with httpx.Client(timeout=20) as client:
            return [ask(client, credential, rows) for rows in (1, 3, 2, 5, 1, 1, 1)]

    with ThreadPoolExecutor(3) as pool:
        statuses = [status for found in pool.map(customer, ("sk-one", "sk-two", "sk-three")) for status in found]
    with httpx.Client(timeout=20) as client:
        for number in range(24):
            statuses.append(ask(client, keys[number % 2], 1 + number % 3, fails=number % 5 == 4))
        statuses += [ask(client, f"sk-{number}", 3) for number in range(8)]
        statuses += [ask(client, "", 1) for _ in range(5)]
        statuses += [ask(client, keys[2], 1 + number % 3) for number in range(8)]
    return Counter(statuses)
