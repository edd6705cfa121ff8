from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UnexpectedAnswer, UpstreamTimeout, UpstreamUnreachable
from moatkeeper.redteam.client import Client, PredictClient
from moatkeeper.redteam.dialects import Wire
from moatkeeper.redteam.dialects_rows import row_dialect
from tests.support.predictions import predicting

ROWS = np.array([[1.0, 2.0], [3.0, 4.5]])


@contextmanager
def replying(status: int, body: bytes, retry_after: str | None = None) -> Iterator[PredictClient]:
    """A client of a server that gives the same reply to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            if retry_after is not None:
                self.send_header("Retry-After", retry_after)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            with PredictClient(f"http://127.0.0.1:{server.server_port}", "credit") as client:
                yield client
        finally:
            server.shutdown()
            thread.join()


def test_rows_and_key_arrive_as_they_were_given_and_scores_come_back() -> None:
    seen: list[tuple[object, str]] = []

    def answer(rows: FloatArray, key: str) -> FloatArray:
        seen.append((rows.tolist(), key))
        return np.array([[0.25, 0.75], [1.0, 0.0]])

    with predicting(answer) as url, PredictClient(url, "credit") as client:
        scores = client.predict(ROWS, "mk_key").answers
    assert scores is not None
    assert scores.tolist() == [[0.25, 0.75], [1.0, 0.0]]
    assert seen == [([[1.0, 2.0], [3.0, 4.5]], "mk_key")]


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [("17", 17.0), (None, 3600.0), ("soon", 3600.0), ("Fri, 31 Dec 1999 23:59:59 GMT", 3600.0)]
)
def test_a_refusal_is_an_answer_that_says_how_long_to_stay_away(retry_after: str | None, seconds: float) -> None:
    with replying(429, b"{}", retry_after) as client:
        reply = client.predict(ROWS)
    assert reply.answers is None
    assert reply.retry_after_s == seconds


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (401, b'{"error": "no"}'),
        (200, b""),
        (200, b"{"),
        (200, b"[]"),
        (200, b'{"outputs": []}'),
        (200, b'{"predictions": [[0.5, 0.5]]}'),
        (200, b'{"predictions": [0.5]}'),
        (200, b'{"predictions": ["a", "b"]}'),
        (200, b"\xff\xfe"),
        (200, b"[" * 100_000),
        (200, b'{"predictions": [[0.5, 0.5], [1]]}'),
    ],
)
def test_anything_but_scores_for_every_row_is_an_error(status: int, body: bytes) -> None:
    with replying(status, body) as client, pytest.raises(UnexpectedAnswer):
        client.predict(ROWS)


def test_a_server_that_is_not_there_is_an_error() -> None:
    with predicting(lambda rows, key: rows) as url:
        gone = url
    with PredictClient(gone, "credit") as client, pytest.raises(UpstreamUnreachable):
        client.predict(ROWS)


def test_an_overloaded_server_that_says_when_to_come_back_has_refused_and_one_that_does_not_has_failed() -> None:
    with replying(503, b"{}", "9") as client:
        assert client.predict(ROWS).retry_after_s == 9.0
    with replying(503, b"{}") as client, pytest.raises(UnexpectedAnswer):
        client.predict(ROWS)


def test_a_date_to_come_back_at_is_understood() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    with replying(429, b"{}", soon) as client:
        assert 90 < client.predict(ROWS).retry_after_s <= 100


def test_a_server_that_says_nothing_is_given_up_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(url, "m", row_dialect(Wire("tensorflow")), timeout_s=0.2) as client, pytest.raises(UpstreamTimeout):
            client.ask(ROWS)


def test_tokens_are_those_that_the_server_counted() -> None:
    with replying(200, b'{"predictions": [[1.0], [2.0]], "usage": {"total_tokens": 12}}') as client:
        assert client.ask(ROWS).tokens == 12
