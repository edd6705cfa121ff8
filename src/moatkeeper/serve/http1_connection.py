"""One HTTP/1.1 connection to the model server: a request goes out, its answer comes in, nothing else is believed."""

from __future__ import annotations

import asyncio
import re
from typing import Final, Protocol, cast

import httptools

from moatkeeper.errors import UpstreamBroken, UpstreamError, UpstreamTimeout
from moatkeeper.serve.http1 import framing
from moatkeeper.serve.http1_reply import Reply
from moatkeeper.serve.outbox import SENT, Outbox

HIGH_WATER_BYTES: Final = 65536
"""Unread bytes of a streamed answer past which the connection stops reading; larger: more memory a slow client."""

_JOIN_BYTES: Final = 65536  # bodies up to this are copied behind their head and go out in one write
_HEAD_END: Final = b"\r\n\r\n"
_BARE_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")
_VERSION: Final = b"HTTP/1."
_VERSIONS: Final = frozenset({b"HTTP/1.1", b"HTTP/1.0"})
_TAIL_BYTES: Final = 5  # the end of a chunked body: a line's last character, its CRLF and the empty line


class ClosedBeforeAnswer(UpstreamBroken):
    """The peer closed the connection and sent no byte of an answer; it may still have acted on the request."""


class Owner(Protocol):
    """Who is told what becomes of a connection."""

    def released(self, connection: Connection) -> None:
        """The connection's answer is complete and it may carry another request."""
        ...

    def lost(self, connection: Connection) -> None:
        """The connection's socket is closed."""
        ...


class Connection(asyncio.Protocol):
    """One socket, one request at a time. ``deadline`` (loop time) is when whoever sweeps must call ``expire``."""

    __slots__ = (
        "_answered",
        "_batch",
        "_bodiless",
        "_chunked",
        "_complete",
        "_dry_bytes",
        "_early",
        "_fields",
        "_head_bytes",
        "_head_only",
        "_idle_s",
        "_in_body",
        "_interim",
        "_left",
        "_loop",
        "_max_head_bytes",
        "_outbox",
        "_owner",
        "_parser",
        "_paused",
        "_reply",
        "_reusable",
        "_tail",
        "_transport",
        "_version",
        "deadline",
        "requests",
    )  # fmt: skip

    def __init__(
        self, owner: Owner, loop: asyncio.AbstractEventLoop, *, idle_s: float, max_head_bytes: int, outbox: Outbox
    ) -> None:
        self.deadline = float("inf")
        self.requests = 0
        self._owner = owner
        self._outbox = outbox
        self._batch = SENT  # of the request in flight, while it waits to be sent
        self._loop = loop
        self._idle_s = idle_s
        self._max_head_bytes = max_head_bytes
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._reply: Reply | None = None
        self._early = bytearray()  # the beginning of a head that came in pieces
        self._fields: list[tuple[bytes, bytes]] = []
        self._version = b""
        self._paused = False
        self._reset(head_only=False)

    def _reset(self, *, head_only: bool) -> None:
        self._head_only = head_only
        self._answered = False  # a byte of the answer has come
        self._interim = False  # the head being parsed is a 1xx
        self._in_body = False  # the final head has been parsed
        self._bodiless = False
        self._complete = False
        self._reusable = False
        self._chunked = False
        self._left = -1  # bytes of a Content-Length body still to come; negative: another framing
        self._head_bytes = 0
        self._dry_bytes = 0
        self._tail = b""

    # What the pool calls.

    @property
    def usable(self) -> bool:
        """Whether a request may be written: nothing is in flight and the socket is open as far as is known."""
        return self._reply is None and self._transport is not None and not self._transport.is_closing()

    def fresh(self) -> bool:
        """Whether the connection is usable, and has not rested for longer than it was allowed to."""
        transport = self._transport
        return (
            transport is not None and self._reply is None and not transport.is_closing() and self._loop.time() <= self.deadline
        )

    def rest(self, keep_alive_s: float) -> None:
        """Lets the connection lie idle for so long."""
        self.deadline = self._loop.time() + keep_alive_s

    def send(self, head: bytes, body: bytes, *, head_only: bool, within_s: float) -> Reply:
        """Writes a request, and returns the reply to wait on; its final head must have come ``within_s`` seconds."""
        if self._transport is None:
            raise UpstreamBroken("the connection is closed")
        self._reset(head_only=head_only)
        self.requests += 1
        self.deadline = self._loop.time() + within_s
        self._reply = reply = Reply(self, self._loop)
        if len(body) <= _JOIN_BYTES:
            self._batch = self._outbox.post(self._transport, head + body)
        else:
            self._batch = SENT
            self._transport.writelines((head, body))
        return reply

    def expire(self) -> None:
        """Ends what has taken too long: the answer in flight, or an idle connection."""
        if self._reply is None:
            self.close()
        else:
            phase = "bytes of the answer" if self._in_body else "head of an answer"
            self.fail(UpstreamTimeout(f"the model server sent no {phase} in time"))

    def close(self) -> None:
        """Closes an idle connection in good order."""
        if self._transport is not None:
            self._transport.close()

    def fail(self, error: UpstreamError) -> None:
        """Ends the answer in flight with an error, and the connection with it."""
        reply = self._reply
        self._reply = None
        if self._transport is not None:
            self._transport.abort()
        if reply is not None:
            reply.finish(error)

    def resume(self) -> None:
        """Reads on, if reading was paused because nobody took what had come."""
        if self._paused:
            self._paused = False
            self.deadline = self._loop.time() + self._idle_s
            if self._transport is not None:
                self._transport.resume_reading()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports have the methods, not the base class

    def data_received(self, data: bytes) -> None:
        if self._reply is None or self._batch == self._outbox.batch:
            self.fail(UpstreamBroken("bytes arrived that no request asked for"))
            return
        self._answered = True
        try:
            if self._in_body:
                self._receive_body(data, len(data))
            else:
                self._receive_head(data)
        except httptools.HttpParserError as error:
            self.fail(_as_broken(error))
        except UpstreamBroken as error:
            self.fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        reply = self._reply
        self._reply = None
        if reply is not None:
            reply.finish(self._end_of_stream(exc))
        self._owner.lost(self)

    def _end_of_stream(self, exc: Exception | None) -> UpstreamError | None:
        """What the end of the connection means for the answer in flight: None where it was the end of the body."""
        if self._in_body and not self._chunked and self._left < 0 and exc is None:
            return None
        reason = f": {exc}" if exc is not None else ""
        if not self._answered:
            return ClosedBeforeAnswer(f"the model server closed the connection before it answered{reason}")
        return UpstreamBroken(f"the model server closed the connection in the middle of its answer{reason}")

    # The answer's bytes.

    def _receive_head(self, data: bytes) -> None:
        """Parses heads, each from its first byte to its last in one piece, and what follows the final one."""
        while data:
            seen = 0
            if self._early:
                seen = max(0, len(self._early) - len(_HEAD_END) + 1)
                self._early += data
            end = self._early.find(_HEAD_END, seen) if self._early else data.find(_HEAD_END)
            if end < 0:
                self._early = self._early or bytearray(data)
                self._check_early()
                return
            if self._early:
                data = bytes(self._early)
                self._early = bytearray()
            end += len(_HEAD_END)
            self._head_bytes += end
            if self._head_bytes > self._max_head_bytes:
                raise UpstreamBroken(f"the answer's head is longer than {self._max_head_bytes} bytes")
            self._version = data[: len(_VERSION) + 1]
            if self._version not in _VERSIONS:
                raise UpstreamBroken(f"the answer begins with {data[:16]!r}, expected 'HTTP/1.1'")
            if data[9:10] != b"1":
                self._receive_body(data, len(data) - end)
                return
            self._parser.feed_data(data[:end])  # an interim answer: alone, so that the next head starts a segment
            self._interim = False
            data = data[end:]

    def _check_early(self) -> None:
        """Refuses the beginning of a head that cannot become one, so that nobody waits for its end."""
        if self._head_bytes + len(self._early) > self._max_head_bytes:
            raise UpstreamBroken(f"the answer's head is longer than {self._max_head_bytes} bytes")
        if not self._early.startswith(_VERSION[: len(self._early)]):
            raise UpstreamBroken(f"the answer begins with {bytes(self._early[:16])!r}, expected 'HTTP/1.1'")
        if _BARE_LINE_FEED.search(self._early):
            raise UpstreamBroken("the answer's head has a line that ends without a carriage return")

    def _receive_body(self, data: bytes, body_bytes: int) -> None:
        """Parses a segment of which the last ``body_bytes`` lie behind the head."""
        reply = self._reply
        if reply is None:
            return
        unread = reply.unread
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self._complete:
                raise _as_broken(error) from error
            self._reusable = False  # the answer is whole, but something follows it
        if not self._in_body:
            raise UpstreamBroken("the answer's head does not end where its empty line is")
        if self._chunked:
            self._tail = (self._tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]
            if reply.unread == unread:
                self._dry_bytes += len(data)
                if self._dry_bytes > self._max_head_bytes and not self._complete:
                    raise UpstreamBroken("the answer's chunk extensions or trailers do not end")
            else:
                self._dry_bytes = 0
        elif self._left >= 0:
            self._left -= body_bytes
        if self._complete:
            self._finish(reply, extra=self._extra_bytes(body_bytes))
            return
        if reply.unread > HIGH_WATER_BYTES and reply.unread > reply.whole_limit and not self._paused:
            self._paused = True
            if self._transport is not None:
                self._transport.pause_reading()
        self.deadline = self._loop.time() + self._idle_s
        if reply.unread > reply.whole_limit:
            reply.wake()

    def _extra_bytes(self, body_bytes: int) -> bool:
        """Whether bytes followed the complete answer. The parser skips line ends there, so it is counted here."""
        if self._bodiless:
            return body_bytes > 0
        if self._chunked:
            return not self._tail.endswith(_HEAD_END) or self._tail[:1] in b"\r\n"
        return self._left != 0

    def _finish(self, reply: Reply, *, extra: bool) -> None:
        transport = self._transport
        self._reply = None
        reply.finish(None)
        if transport is None:
            return
        # An answer that came before its request was written out leaves the rest of that request on the wire.
        if self._reusable and not extra and not transport.is_closing() and not transport.get_write_buffer_size():
            if self._paused:
                self._paused = False
                transport.resume_reading()
            if self._head_only:  # the parser waits for the body that a HEAD's answer only announces
                self._parser = httptools.HttpResponseParser(self)
            self._owner.released(self)
        else:
            transport.abort()

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._complete:
            raise UpstreamBroken("another answer follows the one that was asked for")
        self._fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_body:  # else a trailer, which is dropped
            self._fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        reply = self._reply
        if reply is None:
            raise UpstreamBroken("the answer was given up by its reader")
        status: int = self._parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                raise UpstreamBroken(f"the model server answered {status} to a plain request")
            self._interim = True
            return
        if status > 599:
            raise UpstreamBroken(f"the model server answered with status {status}, expected one up to 599")
        reply.headers, length, self._chunked = framing(self._fields, self._version)
        reply.status = status
        self._reusable = self._parser.should_keep_alive()
        self._bodiless = self._head_only or status == 204 or status == 304
        if self._bodiless:
            self._complete = True
            self._chunked = False
        elif length is not None:
            reply.length = self._left = length
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        if self._complete:
            raise UpstreamBroken("a body follows an answer that has none")
        if self._reply is not None:
            self._reply.arrived(body)

    def on_message_complete(self) -> None:
        if not self._interim:
            self._complete = True


def _as_broken(error: Exception) -> UpstreamBroken:
    """The parser's error in our tree; ours come back as the context of the parser's."""
    cause = error.__context__
    return cause if isinstance(cause, UpstreamBroken) else UpstreamBroken(f"the answer is badly framed: {error}")
