from __future__ import annotations

import asyncio
from typing import cast

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from moatkeeper.serve import protocol
from moatkeeper.serve.asgi import Receive, Scope, Send, send_response
from moatkeeper.serve.protocol import MAX_HEAD_BYTES, BoundedHttp


class Wire(asyncio.Transport):
    """A client's side: what the server wrote, and whether it hung up."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send_response(send, 200, [], b"hello")


def connected() -> tuple[BoundedHttp, Wire]:
    config = Config(hello, http=BoundedHttp, ws="none", lifespan="off", log_config=None)
    config.load()
    made = BoundedHttp(config, ServerState(), {})
    wire = Wire()
    made.connection_made(cast(asyncio.Transport, wire))
    return made, wire


async def served(pieces: list[bytes]) -> Wire:
    made, wire = connected()
    for piece in pieces:
        if not wire.closed:
            made.data_received(piece)
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    made.connection_lost(None)
    return wire


def test_a_plain_request_is_served_however_it_is_cut() -> None:
    head = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    whole = asyncio.run(served([head]))
    cut = asyncio.run(served([head[at : at + 1] for at in range(len(head))]))
    assert whole.written == cut.written
    assert whole.written.startswith(b"HTTP/1.1 200")


def test_a_head_that_grows_past_the_limit_is_refused_and_its_connection_closed() -> None:
    filler = b"x-filler: " + b"a" * 4096 + b"\r\n"
    wire = asyncio.run(served([b"GET / HTTP/1.1\r\nhost: x\r\n", *[filler] * (MAX_HEAD_BYTES // 4096 + 3)]))
    assert wire.written.startswith(b"HTTP/1.1 431")
    assert wire.closed


def test_a_long_body_is_no_long_head() -> None:
    body = [b"a" * 65_536] * 4
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (4 * 65_536)
    assert asyncio.run(served([head, *body])).written.startswith(b"HTTP/1.1 200")


def test_the_next_request_of_a_connection_has_a_limit_of_its_own() -> None:
    requests = [b"GET / HTTP/1.1\r\nhost: x\r\nx-filler: " + b"a" * 40_000 + b"\r\n\r\n"] * 3
    assert asyncio.run(served(requests)).written.count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nhost"])
def test_a_connection_that_brings_no_whole_head_is_closed_in_time(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.02)

    async def main() -> Wire:
        made, wire = connected()
        if begun:
            made.data_received(begun)
        for _ in range(200):
            if wire.closed:
                break
            await asyncio.sleep(0.01)
        made.connection_lost(None)
        return wire

    assert asyncio.run(main()).closed
