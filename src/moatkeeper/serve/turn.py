"""One request on a connection and its answer: what the parser has read of the one, and what is written of the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import unquote

from moatkeeper.errors import BodyTooLarge
from moatkeeper.serve.asgi import Application, ClientGone, Event, Receive, Scope, content_length
from moatkeeper.serve.heads import Notes
from moatkeeper.wire.base import Headers

HIGH_WATER_BYTES: Final = 65_536
"""Of a body that nobody waits for; larger: more memory a connection, fewer pauses."""

CLOSE: Final = (b"connection", b"close")
"""The field of an answer after which the connection ends."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_NOT_CONTROL: Final = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
_BODILESS: Final = frozenset({204, 304})


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES: Final = {status: _status_line(status) for status in range(100, 600)}


class Link(Protocol):
    """The connection that a turn is on. ``choked``: the client does not take what was written."""

    host: str
    port: int
    choked: bool

    @property
    def extra_headers(self) -> bytes:
        """Header fields that every answer has, as they are sent."""
        ...

    def write(self, data: bytes) -> None:
        """Hands bytes to the socket."""
        ...

    async def drain(self) -> None:
        """Returns once the client takes what was written, or is gone."""
        ...

    def want(self) -> None:
        """Reads on: somebody waits for a body."""
        ...

    def answered(self, turn: Turn) -> None:
        """The turn's answer is written out."""
        ...


class Turn:
    """A request as the parser reads it: a door for the gateway, and the two callables of ASGI for other applications.

    ``whole``: the request has come to its end, and ``body`` is all of its body unless that is being read. ``complete``: so
    has the answer. ``left``: the connection is lost.
    """

    __slots__ = (
        "_chunked", "_expects", "_link", "_pieces", "_told", "_unsent", "_waiter", "begun", "body", "complete", "headers",
        "host", "keep_alive", "left", "length", "method", "notes", "on_leave", "path", "query", "receive", "started", "version",
        "whole",
    )  # fmt: skip

    def __init__(self, link: Link, method: str, path: str, query: bytes, headers: Headers, notes: Notes) -> None:
        self._link = link
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.notes = notes
        self.host = link.host
        self.version = "1.1"
        self.keep_alive = True
        self.body: bytes | None = None
        self.receive: Receive | None = None  # a turn tells of clients that leave by itself
        self.on_leave: Callable[[], None] | None = None
        self.length = 0  # bytes of the body that lie here
        self.whole = self.started = self.begun = self.complete = self.left = False
        self._pieces: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._expects = False  # the client waits for "100 Continue" before it sends its body
        self._told = False  # an application of ASGI has been given the end of the body
        self._chunked = False
        self._unsent = -1  # bytes of the answer's declared length that are still to come; negative: none is declared

    # What the connection calls.

    def arrived(self, piece: bytes) -> None:
        """Takes a piece of the body; one of an answered request is dropped."""
        if not self.complete:
            self._pieces.append(piece)
            self.length += len(piece)
            if self._waiter is not None:
                self._wake()

    def fill(self, body: bytes) -> None:
        """The request is whole, and this is its body."""
        self.body = body
        self._pieces.append(body)
        self.length = len(body)
        self.whole = True

    def end(self) -> None:
        """The request is whole."""
        self.whole = True
        if self.started:
            self._wake()
        else:
            pieces = self._pieces
            self.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def expect(self) -> None:
        """The body is not there when the work begins: the client may want to be asked for it."""
        self._expects = self.version == "1.1" and any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in self.headers
        )

    def leave(self) -> None:
        """The connection is lost."""
        self.left = True
        self._wake()
        if self.on_leave is not None and not self.complete:
            self.on_leave()

    @property
    def overfull(self) -> bool:
        """Whether more has come than may lie here while nobody waits for it."""
        return self.length > HIGH_WATER_BYTES and self._waiter is None

    # The door.

    async def read(self, limit: int) -> bytes:
        """The whole body; raises BodyTooLarge, MalformedRequest or ClientGone."""
        declared = content_length(self.headers)
        if declared is not None and declared > limit:
            raise BodyTooLarge(f"the request body has {declared} bytes, at most {limit} are taken")
        while not self.whole and self.length <= limit:
            await self._more()
            if self.left:
                raise ClientGone
        if self.length > limit:
            raise BodyTooLarge(f"the request body is longer than the {limit} bytes that are taken")
        return self._taken()

    def reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Awaitable[None] | None:
        """Sends one whole response; what to wait for, or None where nothing is. ``headers`` gain the length."""
        if self._link.choked:
            return self._reply_later(status, headers, body)
        if not self.left:
            headers.append((b"content-length", b"%d" % len(body)))
            head = self._head(status, headers)
            self._link.write(head if self.method == "HEAD" else head + body)
            self._finish()
        return None

    async def _reply_later(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        while self._link.choked and not self.left:
            await self._link.drain()
        self.reply(status, headers, body)

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Sends the head of a response; one that does not declare its length goes out in chunks, or until the end."""
        await self._link.drain()
        if self.left:
            return
        declared = next((value for name, value in headers if name == b"content-length"), None)
        if self.method == "HEAD" or status in _BODILESS:
            self._unsent = 0
        elif declared is not None:
            self._unsent = int(declared)
        elif self.version == "1.1":
            self._chunked = True
            headers = [*headers, (b"transfer-encoding", b"chunked")]
        self._link.write(self._head(status, headers))

    async def send(self, piece: bytes, *, last: bool = False) -> None:
        """Sends a piece of the body; waits while the client does not take what was sent before."""
        await self._link.drain()
        if self.left:
            return
        if self._chunked:
            self._link.write((b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"") + (b"0\r\n\r\n" if last else b""))
        elif self.method != "HEAD":
            if self._unsent >= 0:
                self._unsent -= len(piece)
                if self._unsent < 0 or (last and self._unsent):
                    raise RuntimeError("the body of a response is not as long as was declared")
            self._link.write(piece)
        if last:
            self._finish()

    # The callables of ASGI.

    def scope(self) -> Scope:
        """The request as ASGI describes it."""
        path = unquote(self.path) if "%" in self.path else self.path
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self.version,
            "method": self.method,
            "scheme": "http",
            "path": path,
            "raw_path": self.path.encode("latin-1"),
            "query_string": self.query,
            "root_path": "",
            "headers": list(self.headers),
            "client": (self.host, self._link.port) if self.host else None,
            "server": None,
        }

    async def call(self, app: Application) -> None:
        """Lets an application serve the turn."""
        await app(self.scope(), self._receive_event, self._send_event)

    async def _receive_event(self) -> Event:
        if not self._told and not (self.whole or self._pieces or self.left or self.complete):
            await self._more()
        if not self._told and not self.left and not self.complete:
            self._told = self.whole
            return {"type": "http.request", "body": self._taken(), "more_body": not self.whole}
        while not self.left and not self.complete:
            await self._more()
        return {"type": "http.disconnect"}

    async def _send_event(self, event: Event) -> None:
        if not self.begun and event["type"] == "http.response.start":
            fields = [(name.lower(), value) for name, value in event.get("headers", ())]
            closes = any(name == b"connection" and value.lower() == b"close" for name, value in fields)
            self.keep_alive = self.keep_alive and not closes
            await self.begin(event["status"], [field for field in fields if field[0] != b"connection"])
        elif self.begun and not self.complete and event["type"] == "http.response.body":
            await self.send(event.get("body", b""), last=not event.get("more_body", False))
        elif not self.left:
            raise RuntimeError(f"an application sent {event['type']!r} out of turn")

    # The two ways.

    async def _more(self) -> None:
        """Returns when something has changed: a piece, the end of the request or of the answer, or the client is gone."""
        if self._expects:
            self._expects = False
            if not self.begun:
                self._link.write(_CONTINUE)
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        self._link.want()
        await waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _taken(self) -> bytes:
        pieces = self._pieces
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces, self.length = [], 0
        return piece

    def _head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The head of the answer; raises RuntimeError where a field could be read as two."""
        self.begun = True
        extra = self._link.extra_headers
        if CLOSE in headers:
            headers.remove(CLOSE)
            self.keep_alive = False
        if not self.keep_alive:
            headers.append(CLOSE)
        lines = 2 + len(headers) + extra.count(b"\r\n")
        fields = b"".join([b"%b: %b\r\n" % field for field in headers])
        head = STATUS_LINES[status] + extra + fields + b"\r\n"
        # Of all control characters exactly our own line ends are left: one look finds any CR, LF or NUL in a field.
        if head.translate(None, _NOT_CONTROL) != b"\r\n" * lines:
            raise RuntimeError("a field of a response's head holds a control character")
        return head

    def _finish(self) -> None:
        self.complete = True
        self._wake()
        self._link.answered(self)
