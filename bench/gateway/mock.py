"""The model server of the benchmark: prepared answers over raw HTTP/1.1, so that it is never what is measured.

    python -m bench.gateway.mock FD

It serves the listening socket FD until it is told to stop.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from time import perf_counter_ns
from typing import cast

import httptools
import uvloop

from bench.gateway import bodies

PACE_S = 0.005  # between two events of a paced stream
JSON_HEAD = b"HTTP/1.1 200 OK\r\nserver: mock\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nserver: mock\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
STAMP = b"#" * bodies.STAMP_DIGITS


def _unary() -> dict[bytes, bytes]:
    return {name.encode(): JSON_HEAD % len(body) + body for name, body in bodies.answers().items()}


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


class Mock(asyncio.Protocol):
    """One connection: reads requests one after the other and answers each by its path or by the model in its body."""

    unary = _unary()
    event = _chunk(bodies.event("@" + STAMP.decode() + "@ "))
    last = _chunk(bodies.last_events()) + b"0\r\n\r\n"
    chats = (bodies.CHAT_MODEL.encode(), bodies.CHAT_LARGE_MODEL.encode())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A proxy, or the load generator, is there."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._body = b""

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """The target of the next request."""
        self._path = url
        self._body = b""

    def on_body(self, data: bytes) -> None:
        """A piece of its body."""
        self._body += data

    def on_message_complete(self) -> None:
        """A whole request: answers it."""
        if self._path != bodies.CHAT.encode():
            self._transport.write(self.unary.get(self._path, NOT_FOUND))
            return
        if bodies.STREAM_PACED_MODEL.encode() in self._body:
            self._stream(PACE_S)
        elif bodies.STREAM_MODEL.encode() in self._body:
            self._stream(0.0)
        else:
            self._transport.write(next((self.unary[name] for name in self.chats if name in self._body), NOT_FOUND))

    def _stream(self, pace_s: float) -> None:
        self._transport.write(STREAM_HEAD)
        self._event(bodies.CHUNKS, pace_s, self._loop.time())

    def _event(self, left: int, pace_s: float, due: float) -> None:
        if self._transport.is_closing():
            return
        if not left:
            self._transport.write(self.last)
            return
        stamp = b"%0*d" % (bodies.STAMP_DIGITS, perf_counter_ns())
        self._transport.write(self.event.replace(STAMP, stamp))
        if pace_s:
            self._loop.call_at(due + pace_s, self._event, left - 1, pace_s, due + pace_s)
        else:
            self._loop.call_soon(self._event, left - 1, pace_s, due)


async def _serve(listener: socket.socket) -> None:
    server = await asyncio.get_running_loop().create_server(Mock, sock=listener, backlog=1024)
    gc.collect()
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(socket.socket(fileno=int(sys.argv[1]))))
