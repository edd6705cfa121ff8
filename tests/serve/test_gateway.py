"""The gateway through its front door: a real model server behind it, real HTTP in front of it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from moatkeeper.serve.asgi import Event, Receive, Scope, Send
from tests.support.servers import RunningGateway, gateway, serving

TRUE_SCORES = [0.847392, 0.152608]

ENFORCED = """
[limits]
mode = "enforce"
default_tier = "tiny"
shared = [{ scope = "address", unit = "rows", amount = 1000 }]

[tiers.tiny]
limits = [{ scope = "account", unit = "rows", amount = 5 }, { scope = "account", unit = "concurrent", amount = 2 }]

[server]
body_limit_bytes = 65536
read_timeout_s = 1.0

[upstream]
first_byte_timeout_s = 2.0
"""


class ModelServer:
    """A TensorFlow-like model server whose behaviour a request's first number chooses."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.abandoned = threading.Event()
        self.release = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body", False):
                break
        self.paths.append(scope["raw_path"].decode() + "?" + scope["query_string"].decode())
        self.seen.append({name.decode(): value.decode("latin-1") for name, value in scope["headers"]})
        self.bodies.append(body)
        if scope["path"].endswith("/stream"):
            raise RuntimeError("never asked for")
        rows = json.loads(body)["instances"] if body else []
        await self._answer(rows, receive, send)

    async def _answer(self, rows: list[list[float]], receive: Receive, send: Send) -> None:
        choice = rows[0][0] if rows else 0.0
        status, headers = 200, [(b"content-type", b"application/json"), (b"x-model-internals", b"secret")]
        answer = json.dumps({"predictions": [TRUE_SCORES for _ in rows]}).encode()
        if choice == 400:
            status, answer = 400, b'{"error": "column 3 is missing", "stack_trace": "secret"}'
        elif choice == 500:
            status, answer = 500, b'{"error": "secret traceback"}'
        elif choice == 302:
            status, headers = 302, [(b"location", b"http://elsewhere/")]
        elif choice == 7:
            answer = b"<html>secret</html>"
        elif choice == 8:
            answer = b'{"predictions": [[0.1, 0.9], [0.1, 0.9], [0.1, 0.9]]}'
        elif choice == 9:
            headers.append((b"content-encoding", b"gzip"))
        elif choice == 10:
            await asyncio.sleep(30)
        elif choice == 11:
            disconnect: Event = await receive()
            if disconnect["type"] == "http.disconnect":
                self.abandoned.set()
            return
        elif choice == 12:
            while not self.release.is_set():
                await asyncio.sleep(0.01)
        elif choice == 14:
            answer = json.dumps({"predictions": [[TRUE_SCORES] * 10 for _ in rows]}).encode()
        elif choice == 13:
            headers.append((b"content-length", b"1000"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


@pytest.fixture(scope="module")
def model() -> Iterator[tuple[ModelServer, str]]:
    server = ModelServer()
    with serving(server) as url:
        yield server, url


@pytest.fixture(scope="module")
def shadow(model: tuple[ModelServer, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with gateway(model[1], tmp_path_factory.mktemp("shadow"), config="[upstream]\nfirst_byte_timeout_s = 2.0\n") as running:
        yield running


@pytest.fixture
def enforced(model: tuple[ModelServer, str], tmp_path: Path) -> Iterator[RunningGateway]:
    with gateway(model[1], tmp_path, config=ENFORCED) as running:
        yield running


def predict(running: RunningGateway, *rows: list[float], token: str = "one", timeout: float = 10.0) -> httpx.Response:
    return httpx.post(
        running.url + "/v1/models/m:predict",
        json={"instances": list(rows)},
        headers={"authorization": f"Bearer {token}"},
        timeout=timeout,
    )


def test_an_answer_goes_out_with_the_precision_of_the_contract_and_nothing_beside_it(shadow: RunningGateway) -> None:
    answer = predict(shadow, [1.0], [2.0])
    assert answer.status_code == 200
    assert answer.json() == {"predictions": [[0.85, 0.15], [0.85, 0.15]]}
    assert "x-model-internals" not in answer.headers
    assert "ratelimit" not in answer.headers
    assert len(answer.headers["x-request-id"]) == 16


def test_the_model_server_gets_the_request_without_what_could_steer_it(
    shadow: RunningGateway, model: tuple[ModelServer, str]
) -> None:
    httpx.post(
        shadow.url + "/v1/models/m:predict?debug=1&api-version=2024-01",
        json={"instances": [[3.5]]},
        headers={"authorization": "Bearer upstream-token", "x-steer": "1", "accept-encoding": "gzip"},
    )
    seen = model[0].seen[-1]
    assert model[0].paths[-1] == "/v1/models/m:predict?api-version=2024-01"
    assert seen["authorization"] == "Bearer upstream-token"
    assert seen["accept-encoding"] == "identity"
    assert "x-steer" not in seen
    assert json.loads(model[0].bodies[-1]) == {"instances": [[3.5]]}


def test_without_configuration_nobody_is_refused_and_what_would_have_been_is_reported(shadow: RunningGateway) -> None:
    statuses = {predict(shadow, *([[1.0]] * 60), token="heavy").status_code for _ in range(4)}
    report = httpx.get(shadow.admin + "/shadow").json()
    assert statuses == {200}
    assert report["mode"] == "shadow"
    assert report["would_refuse"] >= 3
    assert any(reason.startswith("limit:account:rows") for reason in report["reasons"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/v1/models/m:explain"),
        ("GET", "/v1/models/m/metadata/extra"),
        ("POST", "/tokenize"),
        ("POST", "/v2/repository/index"),
        ("POST", "/v2/systemsharedmemory/region/x/register"),
        ("GET", "/slots"),
        ("GET", "/metrics"),
        ("POST", "/v1/models/m:predict/"),
        ("POST", "/v1/../v1/models/m:predict"),
        ("POST", "/v1/models/%2e%2e/m:predict"),
        ("POST", "//v1/models/m:predict"),
    ],
)
def test_every_path_that_is_not_declared_is_refused_before_the_model_server_sees_it(
    shadow: RunningGateway, model: tuple[ModelServer, str], method: str, path: str
) -> None:
    before = len(model[0].paths)
    with socket.create_connection(("127.0.0.1", int(shadow.url.rsplit(":", 1)[1]))) as raw:
        raw.sendall(f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}".encode())
        head = raw.recv(65536)
    assert head.split(b" ")[1] in (b"404", b"405")
    assert len(model[0].paths) == before


def test_a_declared_path_takes_its_own_method_only(shadow: RunningGateway) -> None:
    assert httpx.get(shadow.url + "/v1/models/m:predict").status_code == 405


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"instances": [[1], [1, 2]]}', "application/json", 400),
        (b'{"instances": [[NaN]]}', "application/json", 400),
        (b'{"instances": [[1e999]]}', "application/json", 400),
        (b'{"instances": [[1]]}', "text/xml", 415),
        (b'{"instances": [[1]]}', "application/json; charset=utf-16", 415),
    ],
)
def test_a_bad_request_is_an_error_in_the_protocols_shape(
    shadow: RunningGateway, content: bytes, media: str, status: int
) -> None:
    answer = httpx.post(shadow.url + "/v1/models/m:predict", content=content, headers={"content-type": media})
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)
    assert "Traceback" not in answer.text


def test_a_body_over_the_limit_is_refused_by_its_length_and_by_its_bytes(enforced: RunningGateway) -> None:
    url = enforced.url + "/v1/models/m:predict"
    assert httpx.post(url, content=b" " * 70_000, headers={"content-type": "application/json"}).status_code == 413
    chunked = httpx.post(url, content=iter([b" " * 40_000] * 2), headers={"content-type": "application/json"})
    assert chunked.status_code == 413


def test_a_lying_content_length_neither_hangs_nor_reaches_the_model(
    enforced: RunningGateway, model: tuple[ModelServer, str]
) -> None:
    before = len(model[0].paths)
    head = b"POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(enforced.url.rsplit(":", 1)[1])), timeout=10) as raw:
        raw.sendall(head + b'{"instances": [[1]]}')
        answer = raw.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408")
    assert len(model[0].paths) == before


@pytest.mark.parametrize(
    ("choice", "status", "message"),
    [
        (400.0, 400, "column 3 is missing"),
        (500.0, 500, "the model server failed"),
        (302.0, 502, "the model server did not answer as it should"),
        (7.0, 502, "the model server did not answer as it should"),
        (8.0, 502, "the model server did not answer as it should"),
        (9.0, 502, "the model server did not answer as it should"),
        (10.0, 504, "the model server did not answer as it should"),
        (13.0, 502, "the model server did not answer as it should"),
    ],
)
def test_a_failing_model_server_becomes_a_plain_error(shadow: RunningGateway, choice: float, status: int, message: str) -> None:
    answer = predict(shadow, [choice])
    assert (answer.status_code, answer.json()["error"]) == (status, message)
    assert "secret" not in answer.text


def test_an_absent_model_server_is_a_bad_gateway(tmp_path: Path) -> None:
    with gateway("http://127.0.0.1:9", tmp_path) as running:
        assert predict(running, [1.0]).status_code == 502


def test_limits_count_rows_and_tell_the_contract_as_sold(enforced: RunningGateway) -> None:
    first = predict(enforced, [1.0], [1.0], [1.0])
    assert (first.status_code, first.headers["ratelimit-policy"]) == (200, '"default";q=5;w=3600')
    assert first.headers["ratelimit"].startswith('"default";r=2;')
    refused = predict(enforced, [1.0], [1.0], [1.0])
    assert refused.status_code == 429
    assert refused.json() == {"error": "rate limit exceeded"}
    assert int(refused.headers["retry-after"]) >= 1
    assert predict(enforced, [1.0], [1.0]).status_code == 200
    assert predict(enforced, [1.0], token="another").status_code == 200


def test_a_failed_answer_gives_its_rows_back(enforced: RunningGateway) -> None:
    for _ in range(4):
        assert predict(enforced, [500.0], [1.0], [1.0]).status_code == 500
    assert predict(enforced, *([[1.0]] * 5)).status_code == 200


def test_any_number_of_concurrent_requests_gets_no_more_than_the_budget(enforced: RunningGateway) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: predict(enforced, [1.0], token="burst").status_code, range(60)))
    assert 1 <= statuses.count(200) <= 5
    assert set(statuses) <= {200, 429}


def test_requests_in_flight_are_limited_and_places_become_free_again(
    enforced: RunningGateway, model: tuple[ModelServer, str]
) -> None:
    model[0].release.clear()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(predict, enforced, [12.0], token="slow") for _ in range(2)]
        deadline = time.monotonic() + 5
        status = 200
        while status != 429 and time.monotonic() < deadline:
            time.sleep(0.05)
            status = (
                predict(enforced, [1.0], token="slow").status_code
                if model[0].bodies.count(b'{"instances":[[12.0]]}') >= 2
                else 0
            )
        model[0].release.set()
        assert [one.result().status_code for one in waiting] == [200, 200]
    assert status == 429
    assert predict(enforced, [1.0], token="slow").status_code == 200


def test_a_client_that_leaves_ends_its_query_at_the_model_server(
    shadow: RunningGateway, model: tuple[ModelServer, str]
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        predict(shadow, [11.0], timeout=0.7)
    assert model[0].abandoned.wait(10)


def test_many_rows_are_minimised_all(shadow: RunningGateway) -> None:
    answer = predict(shadow, *([[1.0]] * 500), token="bulk").json()
    assert answer["predictions"] == [[0.85, 0.15]] * 500


def test_the_admin_port_tells_health_readiness_and_metrics_and_the_data_port_does_not(shadow: RunningGateway) -> None:
    assert httpx.get(shadow.admin + "/healthz").json()["status"] == "ok"
    assert httpx.get(shadow.admin + "/readyz").json() == {"ready": True, "problems": []}
    assert "moatkeeper_requests_total" in httpx.get(shadow.admin + "/metrics").text
    assert httpx.get(shadow.url + "/metrics").status_code == 404
    assert httpx.post(shadow.admin + "/metrics").status_code == 405


def test_a_graceful_stop_finishes_what_is_in_flight(model: tuple[ModelServer, str], tmp_path: Path) -> None:
    model[0].release.clear()
    with gateway(model[1], tmp_path) as running, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(predict, running, [12.0])
        time.sleep(0.5)
        threading.Timer(0.5, model[0].release.set).start()
        assert running.stop() == 0
        assert waiting.result().status_code == 200


def test_a_crash_gives_nobody_their_budget_back(model: tuple[ModelServer, str], tmp_path: Path) -> None:
    with gateway(model[1], tmp_path, config=ENFORCED) as running:
        assert predict(running, [1.0], [1.0], [1.0], [1.0]).status_code == 200
        deadline = time.monotonic() + 5
        while httpx.get(running.admin + "/healthz").json()["ledger_written"] < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        running.kill()
    with gateway(model[1], tmp_path, config=ENFORCED) as again:
        assert predict(again, [1.0], [1.0]).status_code == 429
        assert predict(again, [1.0]).status_code == 200


def connect(running: RunningGateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(running.url.rsplit(":", 1)[1])), timeout=20)


def test_a_head_without_an_end_is_cut_off(shadow: RunningGateway) -> None:
    with connect(shadow) as raw:
        raw.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n")
        received = b""
        for _ in range(400):
            try:
                raw.sendall(b"x-filler: " + b"a" * 1000 + b"\r\n")
                time.sleep(0.001)
            except OSError:
                break
        else:
            pytest.fail("400 kB of header were taken")
        try:
            received = raw.recv(4096)
        except ConnectionResetError:
            return
    assert received.startswith(b"HTTP/1.1 431") or received == b""


def test_slow_senders_hold_up_nobody_else(model: tuple[ModelServer, str], tmp_path: Path) -> None:
    with gateway(model[1], tmp_path, config="[server]\nmax_in_flight = 4\n") as running:
        head = b"POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n"
        slow = [connect(running) for _ in range(8)]
        for raw in slow:
            raw.sendall(head)
        time.sleep(0.3)
        assert predict(running, [1.0]).status_code == 200
        for raw in slow:
            raw.close()


def test_readers_that_take_nothing_lose_their_places(model: tuple[ModelServer, str], tmp_path: Path) -> None:
    config = "[server]\nmax_in_flight = 2\nwrite_timeout_s = 0.5\n"
    with gateway(model[1], tmp_path, config=config) as running:
        body = json.dumps({"instances": [[1.0]] * 200_000}).encode()
        head = b"POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        readers = [connect(running) for _ in range(2)]
        for raw in readers:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.sendall(head % len(body) + body)
        deadline = time.monotonic() + 20
        served = False
        while not served and time.monotonic() < deadline:
            time.sleep(0.2)
            served = predict(running, [1.0]).status_code == 200
        assert served
        for raw in readers:
            raw.close()


def test_where_identity_is_required_only_probes_go_without(model: tuple[ModelServer, str], tmp_path: Path) -> None:
    with gateway(model[1], tmp_path, config='[identity]\nmode = "required"\n') as running:
        assert httpx.get(running.url + "/v2/models/m").status_code == 401
        assert httpx.get(running.url + "/v2/health/ready").status_code == 200


def test_a_model_that_answers_more_rows_than_it_was_asked_is_charged_for_them(enforced: RunningGateway) -> None:
    assert predict(enforced, [14.0], token="sequence").status_code == 200
    assert predict(enforced, [1.0], token="sequence").status_code == 429
