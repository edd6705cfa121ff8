"""The few ASGI shapes that this package speaks, and the reading and sending that all its applications share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from moatkeeper.errors import BodyTooLarge, MalformedRequest
from moatkeeper.wire.base import Headers

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


MAX_LENGTH_DIGITS = 18
"""Of a Content-Length: more than any body has, and fewer than make reading the number itself costly."""


class ClientGone(Exception):
    """The client closed its connection before its request was whole; nobody is left to answer."""


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The whole request body; raises BodyTooLarge, MalformedRequest or ClientGone."""
    declared = content_length(headers)
    if declared is not None and declared > limit:
        raise BodyTooLarge(f"the request body has {declared} bytes, at most {limit} are taken")
    event = await receive()
    if event["type"] != "http.request":
        raise ClientGone
    body: bytes = event.get("body", b"")
    if event.get("more_body", False):
        return await _read_rest(receive, body, limit)
    return _within(body, limit)


async def _read_rest(receive: Receive, first: bytes, limit: int) -> bytes:
    pieces, length = [first], len(first)
    while True:
        event = await receive()
        if event["type"] != "http.request":
            raise ClientGone
        piece: bytes = event.get("body", b"")
        pieces.append(piece)
        length += len(piece)
        if length > limit:
            raise BodyTooLarge(f"the request body is longer than the {limit} bytes that are taken")
        if not event.get("more_body", False):
            return b"".join(pieces)


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise BodyTooLarge(f"the request body is longer than the {limit} bytes that are taken")
    return body


def content_length(headers: Headers) -> int | None:
    """The declared length of a body, or None; raises MalformedRequest where it is not one plain number."""
    found: int | None = None
    for name, value in headers:
        if name == b"content-length":
            if found is not None or not value.isdigit() or len(value) > MAX_LENGTH_DIGITS:
                raise MalformedRequest("Content-Length is not one plain number")
            found = int(value)
    return found


async def send_response(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """One whole response; ``headers`` gain the length."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
