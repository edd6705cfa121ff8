"""Request heads that were read before: a client sends the same one with every request, but for the length of the body.

The first is read by the parser, with all that has to be refused; one that is the same to the byte cannot mean anything else.
What others have derived from a head (who asks, what is passed on) is noted beside it, so that it is derived once.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import httptools

from moatkeeper.wire.base import Headers

MAX_KNOWN: Final = 1024
"""Heads of one server; larger: more callers are spared the parser, in up to two kilobytes each."""

MAX_KNOWN_BYTES: Final = 2048
"""Of a head that is remembered."""

MAX_AGE_S: Final = 60.0
"""Heads hold credentials, so all of them are forgotten this often."""

CONTENT_LENGTH: Final = b"content-length"

_END: Final = b"\r\n\r\n"
_LENGTHS: Final = (b"\r\ncontent-length: ", b"\r\nContent-Length: ")
_MAX_DIGITS: Final = 9

Notes = dict[object, object]
"""What was derived from a head, by the object that derived it."""


class Refused(Exception):
    """What the parser reads is not taken; ends its work."""


class Head(NamedTuple):
    """A request's head, understood, but for its length. Names of fields are in lower case."""

    method: str
    path: str
    query: bytes
    before: Headers  # the fields before Content-Length
    after: Headers
    notes: Notes

    def headers(self, length: bytes) -> Headers:
        """The fields with this length among them."""
        return (*self.before, (CONTENT_LENGTH, length), *self.after)


class Cut(NamedTuple):
    """A segment that is one whole request, taken apart without looking into it."""

    shape: bytes  # the head without the digits of its length
    length: bytes  # those digits
    body: bytes


class Heads:
    """The heads of one server."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}
        self._forget_at = 0.0

    def get(self, shape: bytes) -> Head | None:
        """The head that has this shape, where it was read before."""
        return self._known.get(shape)

    def learn(self, shape: bytes, method: str, path: str, query: bytes, headers: Headers, notes: Notes) -> None:
        """Remembers a head that the parser has accepted, of a request framed by its length on a connection that stays."""
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        at = [name for name, _ in headers].index(CONTENT_LENGTH)
        self._known[shape] = Head(method, path, query, headers[:at], headers[at + 1 :], notes)

    def sweep(self, now: float) -> None:
        """Forgets all heads once they are of age; to be called now and then with the loop's time."""
        if now >= self._forget_at:
            self._known.clear()
            self._forget_at = now + MAX_AGE_S


def cut(data: bytes) -> Cut | None:
    """The two parts of a segment that is one request with a declared length and no more, else None.

    A field cannot begin anywhere but behind a line end, and the parser accepts one Content-Length: so what is cut out of the
    shape is the value of that field, whatever the others hold.
    """
    end = data.find(_END)
    if not 0 < end <= MAX_KNOWN_BYTES:
        return None
    for name in _LENGTHS:
        at = data.find(name, 0, end)
        if at > 0:
            at += len(name)
            stop = data.find(b"\r\n", at)
            digits = data[at:stop]
            end += len(_END)
            if len(digits) <= _MAX_DIGITS and digits.isdigit() and int(digits) == len(data) - end:
                return tuple.__new__(Cut, (data[:at] + data[stop:end], digits, data[end:]))
            return None
    return None


def head_length(url: bytes, fields: list[tuple[bytes, bytes]]) -> int:
    """Bytes of a head, its separators and line ends included."""
    return len(url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in fields)


def split_target(url: bytes) -> tuple[str, bytes]:
    """The path and the query of a request's target; raises Refused, or what httptools raises, for what has no path."""
    if url[:1] == b"/" and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path.decode("ascii"), query
    parts = httptools.parse_url(url)
    if parts.path is None:
        raise Refused
    return parts.path.decode("ascii"), parts.query or b""
