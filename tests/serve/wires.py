"""A client's side of a connection without a socket: what a server's protocol wrote to it, and whether it hung up."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from uvicorn.config import Config
from uvicorn.server import ServerState

from moatkeeper.serve.asgi import Application, Receive, Scope, Send, send_response

SETTLED_TURNS = 200
"""Turns of the event loop after which everything that waits for nothing outside is done."""

_LENGTH = re.compile(rb"content-length: ([0-9]+)\r\n")


class Wire(asyncio.Transport):
    """What the server wrote, and whether it hung up. ``stuck``: bytes that the client never takes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.aborted = False
        self.hung_up = False  # closed before the client left
        self.paused = False
        self.stuck = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.closed:
            self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("192.0.2.7", 50_007) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        return self.stuck

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class ServerProtocol(Protocol):
    """What the event loop calls."""

    def connection_made(self, transport: asyncio.Transport, /) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...


Make = Callable[[Config, ServerState, dict[str, object]], ServerProtocol]


@dataclass(frozen=True)
class Answered:
    """What a client read: the final answers in order, and whether the server closed the connection after them."""

    answers: tuple[tuple[int, bytes], ...]
    closed: bool

    @property
    def served(self) -> tuple[bytes, ...]:
        """The bodies of the answers that an application gave."""
        return tuple(body for status, body in self.answers if status == 200)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked: how a server understood a request is read off its answer."""
    body = b""
    while True:
        event = await receive()
        if event["type"] != "http.request":
            return
        body += event.get("body", b"")
        if not event.get("more_body", False):
            break
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    said = [scope["method"], scope["path"], scope["raw_path"].decode(), scope["query_string"].decode(), headers, body.hex()]
    await send_response(send, 200, [(b"content-type", b"application/json")], json.dumps(said).encode())


def connected(
    make: Make, app: Application, *, state: ServerState | None = None, **settings: int
) -> tuple[ServerProtocol, Wire, ServerState]:
    """A protocol that a client has just connected to; with ``state`` one of a server that has others."""
    config = Config(app, ws="none", lifespan="off", log_config=None, access_log=False, proxy_headers=False, **settings)  # type: ignore[arg-type]
    config.load()
    state = state or ServerState()
    made, wire = make(config, state, {}), Wire()
    made.connection_made(wire)
    return made, wire, state


async def settled() -> None:
    """Lets all that can go on go on."""
    for _ in range(SETTLED_TURNS):
        await asyncio.sleep(0)


async def told(make: Make, pieces: Sequence[bytes], app: Application = echo, *, patient: bool = True) -> Wire:
    """The wire after a client sent these pieces; ``patient``: it lets the server work between them, as a slow network does."""
    made, wire, _ = connected(make, app)
    for piece in pieces:
        if wire.closed:
            break
        made.data_received(piece)
        for _ in range(SETTLED_TURNS if patient and wire.paused else 1 if patient else 0):
            await asyncio.sleep(0)
    await settled()
    wire.hung_up = wire.closed
    made.connection_lost(None)
    await settled()
    return wire


def answered(make: Make, pieces: Sequence[bytes], app: Application = echo, *, patient: bool = True) -> Answered:
    """What a client read that sent these pieces."""
    wire = asyncio.run(told(make, pieces, app, patient=patient))
    return Answered(tuple(responses(wire.written)), wire.hung_up)


def responses(written: bytes) -> list[tuple[int, bytes]]:
    """The final answers in what a server wrote, each with a declared length; fails where they are not framed so."""
    found: list[tuple[int, bytes]] = []
    while written:
        head, separator, rest = written.partition(b"\r\n\r\n")
        assert separator, written
        status = int(head.split(b" ")[1])
        if status == 100:
            written = rest
            continue
        length = _LENGTH.search(head + b"\r\n")
        assert length is not None, head
        size = int(length[1])
        assert len(rest) >= size, written
        found.append((status, rest[:size]))
        written = rest[size:]
    return found
