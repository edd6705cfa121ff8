from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.config.load import load
from moatkeeper.serve.asgi import Receive, Scope, Send
from moatkeeper.serve.house import House
from moatkeeper.serve.logs import JsonLines, PlainLines, configure
from moatkeeper.serve.middleware import InProcess, InProcessReply

SECRETS = ("sesame-bearer", "sesame-cookie", "sesame-agent", "sesame-answer", "sesame-query")


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("moatkeeper", "uvicorn", "uvicorn.error")]
    before = [(one, one.handlers, one.propagate, one.level) for one in loggers]
    yield
    for one, handlers, propagate, level in before:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


def record(message: str, *, level: int = logging.WARNING, **extra: object) -> logging.LogRecord:
    return logging.getLogger("moatkeeper.test").makeRecord("moatkeeper.test", level, "f", 1, message, (), None, extra=extra)


@given(st.text(st.characters()), st.text(st.characters()) | st.integers() | st.floats() | st.binary() | st.none())
def test_every_record_is_one_line_of_json_with_its_extras(message: str, detail: object) -> None:
    line = JsonLines().format(record(message, detail=detail))
    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == ("warning", "moatkeeper.test", message)
    assert "detail" in entry


def test_a_line_says_when_in_universal_time() -> None:
    one = record("x")
    one.created = 1_700_000_000.25
    assert json.loads(JsonLines().format(one))["at"] == "2023-11-14T22:13:20.250+00:00"
    assert datetime.fromisoformat(json.loads(JsonLines().format(one))["at"]).timestamp() == one.created


def test_an_exception_is_told_inside_its_line() -> None:
    stream = io.StringIO()
    configure("info", json_lines=True, stream=stream)
    try:
        raise ValueError("a broken part")
    except ValueError:
        logging.getLogger("moatkeeper.test").exception("failed", extra={"path": "/v1"})
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry["path"] == "/v1"
    assert "ValueError: a broken part" in entry["exception"]


def test_plain_lines_tell_the_extras_too_and_stay_one_line() -> None:
    line = PlainLines().format(record("refused", detail="line 3\nforged", path="/v1"))
    assert line.endswith("WARNING moatkeeper.test: refused  detail='line 3\\nforged' path='/v1'")
    assert "\n" not in PlainLines().format(record("two\nlines"))


def test_what_is_under_the_level_is_not_told() -> None:
    stream = io.StringIO()
    configure("error", json_lines=True, stream=stream)
    logging.getLogger("moatkeeper.test").warning("quiet")
    logging.getLogger("moatkeeper.test").error("loud")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["loud"]


async def failing_model(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-note", b"sesame-answer")]})
    await send({"type": "http.response.body", "body": b'{"predictions": "sesame-answer"}'})


class Chatty(InProcess):
    """A part that breaks the rule: it logs what it is given."""

    async def open(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> InProcessReply:
        logging.getLogger("moatkeeper.test").debug("forwarding", extra={"headers": headers, "body": body})
        return await super().open(method, target, headers, body)


async def ask(data: Path, upstream: InProcess) -> int:
    house = House(load(None, {"server.data": data}), upstream=upstream)
    headers = {"authorization": f"Bearer {SECRETS[0]}", "cookie": SECRETS[1], "user-agent": SECRETS[2]}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(house.gateway), base_url="http://x", headers=headers) as client:
        answer = await client.post(f"/v1/models/m:predict?key={SECRETS[4]}", json={"instances": [[SECRETS[4]]]})
    await house.close()
    return answer.status_code


def told_of_a_failure(data: Path, upstream: InProcess) -> str:
    """Every log line, at the finest level, of a query that fails at the model server."""
    stream = io.StringIO()
    configure("debug", json_lines=True, stream=stream)
    assert asyncio.run(ask(data, upstream)) == 502
    return stream.getvalue()


def test_no_credential_input_or_answer_reaches_a_log_line(tmp_path: Path) -> None:
    told = told_of_a_failure(tmp_path, InProcess(failing_model))
    assert "upstream failed" in told
    assert not [secret for secret in SECRETS if secret in told]


def test_a_part_that_logged_headers_would_be_found(tmp_path: Path) -> None:
    told = told_of_a_failure(tmp_path, Chatty(failing_model))
    assert [secret for secret in SECRETS if secret in told]
