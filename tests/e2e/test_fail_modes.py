"""When the ledger cannot write: routes that fail closed refuse, routes that fail open answer and count what is unrecorded."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from moatkeeper.store.ledger_read import entries
from tests.support.commands import moatkeeper_json
from tests.support.servers import RunningGateway, gateway, serving
from tests.support.tensorflow_server import TensorFlowServer
from tests.support.waiting import eventually

QUEUE_LIMIT = 4
CONFIG = f"""
[routes]
fail = "open"

[[routes.override]]
match = "/v1/models/audited:*"
fail = "closed"

[ledger]
queue_limit = {QUEUE_LIMIT}
flush_s = 0.01
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningGateway]:
    with serving(TensorFlowServer().app()) as url, gateway(url, tmp_path, config=CONFIG) as running:
        yield running


@contextlib.contextmanager
def stuck_disk(data: Path) -> Iterator[None]:
    """Holds the database's write lock, as a disk that does not answer would."""
    connection = sqlite3.connect(data / "moatkeeper.db", timeout=20, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


def ask(running: RunningGateway, model: str) -> httpx.Response:
    return httpx.post(running.url + f"/v1/models/{model}:predict", json={"instances": [[0.3]]}, timeout=20)


def unrecorded(running: RunningGateway) -> float:
    lines = httpx.get(running.admin + "/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("moatkeeper_unrecorded_total "))


def test_a_ledger_that_cannot_write_stops_routes_that_fail_closed_and_no_others(running: RunningGateway) -> None:
    assert ask(running, "classifier").status_code == ask(running, "audited").status_code == 200
    assert unrecorded(running) == 0
    with stuck_disk(running.data):
        eventually(lambda: ask(running, "audited").status_code == 503, "the queue is full")
        refused = ask(running, "audited")
        assert (refused.status_code, refused.json()) == (503, {"error": "temporarily unavailable"})
        answers = [ask(running, "classifier") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert answers[0].json() == {"predictions": [[0.43, 0.57]]}  # least output does not depend on the ledger
        assert unrecorded(running) >= 3
    eventually(lambda: ask(running, "audited").status_code == 200, "the ledger writes again")
    lost = unrecorded(running)
    assert running.stop() == 0
    summary = moatkeeper_json("ledger", "verify", "--data", running.data)
    assert summary["verified"] is True
    assert gaps(running.data) == lost


def test_an_unready_ledger_is_told_at_the_admin_port(running: RunningGateway) -> None:
    def ready() -> int:
        return httpx.get(running.admin + "/readyz").status_code

    assert ready() == 200
    with stuck_disk(running.data):
        ask(running, "classifier")
        eventually(lambda: ready() == 503, "the failing disk is noticed")
    eventually(lambda: ready() == 200, "the ledger writes again")


def gaps(data: Path) -> int:
    """How many records the ledger itself says it has not."""
    return sum(int(str(entry.fields["refused"])) for entry in entries(data, kind="gap"))
