from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from moatkeeper.errors import UsageError
from moatkeeper.serve.asgi import Receive, Scope, Send, send_response
from moatkeeper.serve.gateway import CLIENT_CLOSED
from moatkeeper.serve.run import _bind
from moatkeeper.store.ledger_read import entries
from tests.support.servers import START_TIMEOUT_S, gateway, serving
from tests.support.waiting import eventually

QUERY = {"instances": [[1.0]]}


async def model(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send_response(send, 200, [(b"content-type", b"application/json")], b'{"predictions": [[0.25, 0.75]]}')


async def stuck(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def test_a_signal_ends_both_ports_and_the_exit_is_clean(tmp_path: Path) -> None:
    with serving(model) as url, gateway(url, tmp_path) as running:
        assert httpx.post(running.url + "/v1/models/m:predict", json=QUERY).status_code == 200
        assert running.stop() == 0
        for port in (running.url, running.admin):
            with pytest.raises(httpx.ConnectError):
                httpx.get(port + "/healthz")


def test_a_second_signal_does_not_wait_for_what_is_in_flight(tmp_path: Path) -> None:
    config = "[server]\ndrain_s = 60\n"
    with (
        serving(stuck) as url,
        gateway(url, tmp_path, config=config) as running,
        socket.create_connection(("127.0.0.1", int(running.url.rsplit(":", 1)[1]))) as raw,
    ):
        body = b'{"instances":[[1.0]]}'
        raw.sendall(b"POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        while "moatkeeper_in_flight 1.0" not in httpx.get(running.admin + "/metrics").text:
            time.sleep(0.02)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert running.process.poll() is None
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(START_TIMEOUT_S) == 0
    recorded = [(entry.kind, entry.fields.get("status")) for entry in entries(running.data)]
    assert recorded == [("start", None), ("query", CLIENT_CLOSED), ("stop", None)]


def test_a_configuration_that_only_the_house_finds_faulty_is_logged_and_the_old_one_stays(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text("no key set")
    stricter = f'[identity]\nmode = "required"\n[identity.jwt]\nkeys_file = "{keys}"\nissuer = "i"\naudience = "a"\n'
    with serving(model) as url, gateway(url, tmp_path, config='[limits]\nmode = "shadow"\n') as running:
        (tmp_path / "moatkeeper.toml").write_text(stricter)
        running.process.send_signal(signal.SIGHUP)
        eventually(lambda: "the old one stays" in running.log.read_text(), "the refusal is logged")
        assert "found no usable JSON Web Key Set" in running.log.read_text()
        assert httpx.post(running.url + "/v1/models/m:predict", json=QUERY).status_code == 200


def test_a_port_that_is_taken_is_named_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen at 127.0.0.1 port {port}") as raised:
            _bind("127.0.0.1", port)
    assert "--port" in raised.value.hint


def test_with_port_0_free_ports_are_taken_and_announced(tmp_path: Path) -> None:
    words = ["serve", "--upstream", "http://127.0.0.1:9", "--port", "0", "--admin-port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen([sys.executable, "-u", "-m", "moatkeeper", *words], stdout=subprocess.PIPE, text=True) as process:
        try:
            said = "".join(process.stdout.readline() for _ in range(5)) if process.stdout else ""
            found = re.search(r"admin +(http://127\.0\.0\.1:[0-9]+)", said)
            assert found is not None, said
            assert httpx.get(found[1] + "/healthz").json()["status"] == "ok"
        finally:
            process.terminate()
            process.wait(START_TIMEOUT_S)
