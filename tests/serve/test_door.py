from __future__ import annotations

import asyncio

import pytest

from moatkeeper.errors import BodyTooLarge
from moatkeeper.serve.asgi import Event
from moatkeeper.serve.door import AsgiDoor, Doorkeeper
from moatkeeper.serve.gateway import Gateway
from tests.serve.wires import echo

SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/ä",
    "raw_path": b"/%C3%A4",
    "query_string": b"q=1",
    "client": ("192.0.2.7", 9),
}


def door(sent: list[Event], body: bytes = b"body") -> AsgiDoor:
    async def receive() -> Event:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Event) -> None:
        sent.append(event)

    return AsgiDoor({**SCOPE, "headers": [(b"host", b"x")]}, receive, send)


def test_a_request_of_asgi_is_seen_as_it_was_sent() -> None:
    made = door([])
    assert (made.method, made.path, made.query, made.host) == ("POST", "/%C3%A4", b"q=1", "192.0.2.7")
    assert made.headers == ((b"host", b"x"),)
    assert made.body is None
    assert asyncio.run(made.read(4)) == b"body"


def test_a_body_over_the_limit_is_not_taken() -> None:
    with pytest.raises(BodyTooLarge):
        asyncio.run(door([]).read(3))


def test_a_response_whole_or_in_pieces_becomes_the_events_of_asgi() -> None:
    async def main() -> list[Event]:
        sent: list[Event] = []
        made = door(sent)
        waiting = made.reply(200, [], b"all")
        assert waiting is not None
        await waiting
        await made.begin(201, [(b"x", b"y")])
        await made.send(b"one")
        await made.send(b"", last=True)
        return sent

    assert asyncio.run(main()) == [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]},
        {"type": "http.response.body", "body": b"all"},
        {"type": "http.response.start", "status": 201, "headers": [(b"x", b"y")]},
        {"type": "http.response.body", "body": b"one", "more_body": True},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]


def test_the_gateway_is_a_doorkeeper_and_a_plain_application_is_none() -> None:
    assert issubclass(Gateway, Doorkeeper)
    assert not isinstance(echo, Doorkeeper)
