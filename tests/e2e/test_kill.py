"""Killed twenty times under load: the chain verifies after each, and nothing that was acknowledged as written is gone."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import httpx

from tests.support.commands import moatkeeper_json
from tests.support.servers import RunningGateway, gateway, serving
from tests.support.tensorflow_server import TensorFlowServer

KILLS = 20
CLIENTS = 3
LOAD_S = 0.2
CONFIG = "[ledger]\nflush_s = 0.01\n"


def test_no_kill_breaks_the_ledger_or_takes_what_it_acknowledged(tmp_path: Path) -> None:
    verified = 0
    with serving(TensorFlowServer().app()) as url:
        for round_number in range(KILLS):
            with gateway(url, tmp_path, config=CONFIG) as running:
                acknowledged = killed_under_load(running, LOAD_S + 0.01 * round_number)
            summary = moatkeeper_json("ledger", "verify", "--data", running.data)
            records = summary["records"]
            assert summary["verified"] is True
            assert isinstance(records, int)
            assert records >= acknowledged > verified  # each life of the process added to the chain of those before
            verified = records
        with gateway(url, tmp_path, config=CONFIG) as running:
            assert httpx.post(running.url + "/v1/models/m:predict", json={"instances": [1.0]}).status_code == 200
            assert running.stop() == 0
    assert moatkeeper_json("ledger", "verify", "--data", running.data)["verified"] is True


def killed_under_load(running: RunningGateway, load_s: float) -> int:
    """Kills the gateway while clients ask; gives the last number of records that it said were written."""
    over = threading.Event()
    clients = [threading.Thread(target=ask_until, args=(over, running.url, number)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    acknowledged, until = 0, time.monotonic() + load_s
    with httpx.Client(timeout=20) as admin:
        while time.monotonic() < until or not acknowledged:
            acknowledged = int(admin.get(running.admin + "/healthz").json()["ledger_written"])
    running.kill()
    over.set()
    for client in clients:
        client.join(20)
    return acknowledged


def ask_until(over: threading.Event, url: str, number: int) -> None:
    with httpx.Client(timeout=20, headers={"authorization": f"Bearer sk-{number}"}) as client:
        while not over.is_set():
            with contextlib.suppress(httpx.TransportError):
                client.post(url + "/v1/models/m:predict", json={"instances": [1.0, 2.0]})
