"""Server-sent events: bytes in, whole events out, however the bytes were cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from moatkeeper.errors import UnexpectedAnswer

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""One event at most: `response.completed` carries a whole answer, and nothing that streams text comes near this."""

COMMENT = b":\n\n"
"""A comment without words: keeps the connection alive and says nothing else."""

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event. ``data`` is None where it had none: a comment, or fields that mean nothing to an answer."""

    name: bytes
    data: bytes | None


class EventReader:
    """Cuts a byte stream into events as the standard says: lines end in CR, LF or both, and a blank line ends an event."""

    __slots__ = ("_buffer", "_opened", "_skip_line_feed")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._opened = False
        self._skip_line_feed = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that ``chunk`` completes, in order; raises UnexpectedAnswer for one above MAX_EVENT_BYTES."""
        if b"\r" in chunk or self._skip_line_feed:
            chunk = self._line_feeds(chunk)
        buffer = self._buffer
        searched = max(0, len(buffer) - 1)
        buffer += chunk
        start = 0
        while (end := buffer.find(b"\n\n", searched)) >= 0:
            block = bytes(buffer[start:end])
            start = searched = end + 2
            _check_length(len(block))
            event = self._event(block.lstrip(b"\n"))
            if event is not None:
                yield event
        if start:
            del buffer[:start]
        _check_length(len(buffer) - 1)

    @property
    def pending(self) -> bytes:
        """What came after the last whole event, blank lines removed; empty at a clean end."""
        return bytes(self._buffer).strip(b"\n")

    def _line_feeds(self, chunk: bytes) -> bytes:
        """The chunk with every line ending as one LF, also where CR and LF come in two chunks."""
        if self._skip_line_feed and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._skip_line_feed = False
        if chunk:
            self._skip_line_feed = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _event(self, block: bytes) -> Event | None:
        if not self._opened:
            self._opened = True
            block = block.removeprefix(_BOM).lstrip(b"\n")
        if not block:
            return None
        if block.startswith(b"data: ") and b"\n" not in block:
            return Event(b"", block[6:])
        return _from_lines(block)


def write_event(data: bytes, name: bytes = b"") -> bytes:
    """The bytes of one event; ``data`` and ``name`` on one line each."""
    if name:
        return b"event: " + name + b"\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"


def _from_lines(block: bytes) -> Event:
    """An event from its lines; of repeated names the last counts, data lines are joined."""
    name = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return Event(name, b"\n".join(data) if data else None)


def _check_length(length: int) -> None:
    if length > MAX_EVENT_BYTES:
        raise UnexpectedAnswer(f"an event of more than {MAX_EVENT_BYTES} bytes, expected a blank line before that")
