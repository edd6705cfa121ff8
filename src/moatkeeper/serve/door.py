"""One request and the way back to its client, whichever server it came through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, runtime_checkable

from moatkeeper.serve.asgi import Event, Receive, Scope, Send, read_body, send_response
from moatkeeper.serve.heads import Notes
from moatkeeper.wire.base import Headers

Rest = Coroutine[Any, Any, None]
"""What of a request has to wait for something: to be run as a task."""


class Door(Protocol):
    """A request whose head is there. Names of header fields are in lower case, ``path`` is as it was sent.

    ``body`` is the whole body where it came along with the head, else None: ``read`` it. ``receive`` tells of clients that
    leave (None: ``on_leave`` is called instead). ``notes`` are of the head, and may be those of an earlier request that had the
    same one.
    """

    method: str
    path: str
    query: bytes
    headers: Headers
    host: str
    body: bytes | None
    receive: Receive | None
    on_leave: Callable[[], None] | None
    notes: Notes

    async def read(self, limit: int) -> bytes:
        """The whole body; raises BodyTooLarge, MalformedRequest or ClientGone."""
        ...

    def reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Awaitable[None] | None:
        """Sends one whole response; what to wait for, or None where nothing is. ``headers`` gain the length."""
        ...

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Sends the head of a response whose length is not known."""
        ...

    async def send(self, piece: bytes, *, last: bool = False) -> None:
        """Sends a piece of the body; waits while the client does not take what was sent before."""
        ...


Run = Callable[[Door, Rest], None]
"""Lets the rest of a request be done as a task."""


@runtime_checkable
class Doorkeeper(Protocol):
    """An application that takes requests as doors, and spares the server the events of ASGI."""

    def enter(self, door: Door, run: Run) -> None:
        """Begins to serve a request; ``run`` is given what cannot be done at once."""
        ...


class AsgiDoor:
    """A request that came as ASGI events."""

    __slots__ = ("_send", "body", "headers", "host", "method", "notes", "on_leave", "path", "query", "receive")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        self.path = raw_path.decode("latin-1")
        self.query: bytes = scope.get("query_string", b"")
        self.headers: Headers = tuple(scope["headers"])
        client = scope.get("client")
        self.host: str = client[0] if client else ""
        self.body: bytes | None = None
        self.receive: Receive | None = receive
        self.on_leave: Callable[[], None] | None = None
        self.notes: Notes = {}
        self._send = send

    async def read(self, limit: int) -> bytes:
        """The whole body."""
        return await read_body(self._receive, self.headers, limit)

    async def _receive(self) -> Event:
        if self.receive is None:
            return {"type": "http.disconnect"}
        return await self.receive()

    def reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Awaitable[None] | None:
        """Sends one whole response."""
        return send_response(self._send, status, headers, body)

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Sends the head of a response whose length is not known."""
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def send(self, piece: bytes, *, last: bool = False) -> None:
        """Sends a piece of the body."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": not last})
