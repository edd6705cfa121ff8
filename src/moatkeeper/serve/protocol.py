"""The server's side of HTTP/1.1: one connection, read strictly, bounded in every length and time, answered in order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final, cast
from weakref import WeakKeyDictionary

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from moatkeeper.serve.asgi import Application
from moatkeeper.serve.door import Door, Doorkeeper, Rest
from moatkeeper.serve.heads import Cut, Head, Refused, cut, head_length, split_target
from moatkeeper.serve.turn import CLOSE, STATUS_LINES, Turn
from moatkeeper.serve.watch import NEVER, Watch

log = logging.getLogger("moatkeeper.protocol")

MAX_HEAD_BYTES = 65_536
"""A request's line and header fields together: eight times what common servers take, and far below what would hurt."""

MAX_PIPELINED: Final = 64
"""Requests that may wait behind the one being answered; no client in use sends even two."""

HEAD_TIMEOUT_S = 15.0
"""From a connection's or a request's first moment to the end of its head, and for the rest of a request already answered."""

STALL_S: Final = 60.0
"""How long a client may take nothing of what was written to it before its connection is cut."""

_JSON: Final = (b"content-type", b"application/json")


def _last_words(status: int, message: bytes) -> bytes:
    """An answer to what could not be read, after which the connection is closed."""
    body = b'{"error":"%b"}' % message
    head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    return STATUS_LINES[status] + head + body


TOO_LARGE: Final = _last_words(431, b"the header of the request is too large")
NOT_HTTP: Final = _last_words(400, b"the request is not valid HTTP")
BUSY: Final = b'{"error":"too many requests are in flight"}'

_watches: WeakKeyDictionary[ServerState, Watch] = WeakKeyDictionary()


class Http(asyncio.Protocol):
    """One connection. Requests are begun once their head is there, one after the other, and answered in their order.

    What follows a request that ends its connection is not read. What cannot be read is answered last, in its turn, and
    nothing after it is read either: the client and we may disagree where it ends.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        app: object = config.loaded_app
        self._app = cast(Application, app)
        self._keeper = app if isinstance(app, Doorkeeper) else None
        self._loop = _loop or asyncio.get_event_loop()
        self._state = server_state
        self._most = config.limit_concurrency
        self._keep_alive_s: float = config.timeout_keep_alive
        self._watch = _watches.setdefault(server_state, Watch())
        self._heads = self._watch.heads
        self._outbox = self._watch.outbox
        self._parser = httptools.HttpRequestParser(self)
        self._transport = cast(asyncio.Transport, None)
        self._drained: asyncio.Future[None] | None = None
        self.host, self.port = "", 0
        self.choked = False
        self.deadline = NEVER
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._reads_head = True
        self._head_begun = False  # a byte of the next head has come
        self._head_bytes = 0  # of the head, in segments before this one
        self._head_timed = False
        self._dry_bytes = 0  # of a body's trailers and chunk extensions, in whole segments
        self._segment_bytes = 0
        self._newest: Turn | None = None  # whose bytes are being read
        self._turn: Turn | None = None  # whose answer is being made
        self._waiting: deque[Turn] = deque()  # behind it, in order
        self._advancing = False
        self._reading = True
        self._deaf = False  # nothing more is read
        self._words = b""  # to be said before the connection is closed
        self._stopping = False
        self._unsent = 0  # bytes that the client had not taken when it was last looked at

    # What the event loop and the server call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports have the methods, not the base class
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn names its own protocols only
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple | list) and len(peer) >= 2:
            self.host, self.port = str(peer[0]), int(peer[1])
        self.deadline = self._loop.time() + HEAD_TIMEOUT_S
        self._watch.enter(self, self._loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._state.connections.discard(self)
        self._watch.leave(self)
        self._deaf = True
        self._waiting.clear()
        self._parser = None
        turn = self._turn
        if turn is not None:
            turn.leave()
        self.resume_writing()

    def eof_received(self) -> None:
        """The client sends no more: it is taken for gone, and the connection is closed."""

    def pause_writing(self) -> None:
        """The client does not take what was written."""
        self.choked = True

    def resume_writing(self) -> None:
        """The client takes what was written."""
        self.choked = False
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def shutdown(self) -> None:
        """Ends the connection once what is in flight is answered."""
        self._stopping = True
        if self._turn is None and not self._waiting:
            self._close()

    def data_received(self, data: bytes) -> None:
        """Reads on; begins the request whose head is now there."""
        if self._deaf:
            return
        newest = self._newest
        parts = cut(data) if self._turn is None and not self._head_begun and (newest is None or newest.whole) else None
        if parts is not None:
            head = self._heads.get(parts.shape)
            if head is not None:
                self._take(head, parts)
                return
        self._segment_bytes = len(data)
        # The last segment of a head may hold a body too: it is counted only while the head has not ended before it.
        if (self._head_bytes if self._reads_head else self._dry_bytes) > MAX_HEAD_BYTES:
            self._fault(TOO_LARGE)
        else:
            self._read(data)
            if parts is not None:
                self._learn(parts)
        turn = self._turn
        if turn is None:
            if self._waiting or self._words:
                self._advance()
            elif self._head_begun and not self._head_timed:
                self._head_timed = True
                self.deadline = self._loop.time() + HEAD_TIMEOUT_S
        elif self._reading and (self._waiting or turn.overfull):
            self._reading = False
            self._transport.pause_reading()

    def _take(self, head: Head, parts: Cut) -> None:
        """Begins a whole request without the parser, which has read one with the same head before, and lies between two."""
        turn = Turn(self, head.method, head.path, head.query, head.headers(parts.length), head.notes)
        turn.fill(parts.body)
        self._newest = self._turn = turn
        self._begin(turn)

    def _learn(self, parts: Cut) -> None:
        """Remembers the head of what was just read where it was one whole request, and its connection stays."""
        turn = self._newest
        if turn is None or len(self._waiting) != 1 or turn is not self._waiting[0] or self._head_begun:
            return
        if turn.keep_alive and turn.whole and turn.body == parts.body:
            self._heads.learn(parts.shape, turn.method, turn.path, turn.query, turn.headers, turn.notes)

    def _read(self, data: bytes) -> None:
        if self._reads_head:
            self._head_bytes += len(data)
        else:
            self._dry_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # an offer that we do not take: what follows it is in no protocol that we know
        except httptools.HttpParserError:
            newest = self._newest
            if newest is not None and newest.whole and not newest.keep_alive and not self._head_begun:
                self._deaf = True  # what follows the last request is not for us
            else:
                self._fault(self._words or NOT_HTTP)

    def expire(self, now: float) -> None:
        """Closes a connection on which nothing happened in time; cuts one whose client takes nothing."""
        unsent = self._transport.get_write_buffer_size()
        if unsent and unsent != self._unsent:
            self._unsent = unsent
            self.deadline = now + STALL_S
        elif unsent or self._transport.is_closing():
            self._transport.abort()
        else:
            self._close()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A head begins."""
        self._url = b""
        self._fields = []
        self._reads_head = self._head_begun = True
        self._head_timed = False
        self._head_bytes = self._dry_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; trailers are dropped."""
        if self._reads_head:
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: its request is next in line."""
        self._reads_head = self._head_begun = False
        fields, url, parser = self._fields, self._url, self._parser
        if self._head_bytes + self._segment_bytes > MAX_HEAD_BYTES and head_length(url, fields) > MAX_HEAD_BYTES:
            self._words = TOO_LARGE
            raise Refused
        if len(self._waiting) >= MAX_PIPELINED:
            raise Refused
        version = parser.get_http_version()
        path, query = split_target(url)
        turn = Turn(self, parser.get_method().decode("ascii"), path, query, tuple(fields), {})
        if version != "1.1":
            if version != "1.0":
                raise Refused
            turn.version, turn.keep_alive = version, False
        elif not parser.should_keep_alive() or parser.should_upgrade():
            turn.keep_alive = False
        for name, value in fields:
            if name == b"transfer-encoding" and (value.lower() != b"chunked" or version != "1.1"):
                raise Refused  # a coding that we do not undo, or one that HTTP/1.0 does not know
        self._newest = turn
        self._waiting.append(turn)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._dry_bytes = 0
        if self._newest is not None:
            self._newest.arrived(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        turn = self._newest
        if turn is not None:
            turn.end()
            if turn.complete and turn is self._turn:
                self._turn = None
                self._advance()

    # What a turn calls.

    @property
    def extra_headers(self) -> bytes:
        """The fields that every answer has."""
        return self._watch.written(self._state.default_headers)

    def write(self, data: bytes) -> None:
        """Hands bytes to the socket, with those of others."""
        self._outbox.post(self._transport, data)

    async def drain(self) -> None:
        """Returns once the client takes what was written, or is gone."""
        while self.choked:
            if self._drained is None:
                self._drained = self._loop.create_future()
            await asyncio.shield(self._drained)

    def want(self) -> None:
        """Reads on: somebody waits for a body."""
        if not self._reading and not self._waiting:
            self._reading = True
            self._transport.resume_reading()

    def answered(self, turn: Turn) -> None:
        """An answer is written out: the next request has its turn."""
        self._state.total_requests += 1
        if not turn.keep_alive or (self._stopping and not self._waiting):
            self._close()
        elif turn.whole:
            self._turn = None
            self._advance()
        else:  # what is left of the request is read and dropped, for so long
            self.deadline = self._loop.time() + HEAD_TIMEOUT_S
            self.want()

    # The order of things.

    def _advance(self) -> None:
        """Begins the next request; where there is none, waits for one."""
        if self._advancing:
            return
        self._advancing = True
        while self._turn is None and self._waiting:
            self._turn = turn = self._waiting.popleft()
            self._begin(turn)
        self._advancing = False
        if self._turn is None and not self._transport.is_closing():
            if self._words:
                self._say(self._words)
                return
            self._head_timed = self._head_begun
            self.deadline = self._loop.time() + (HEAD_TIMEOUT_S if self._head_begun else self._keep_alive_s)
            self.want()

    def _begin(self, turn: Turn) -> None:
        turn.started = True
        self.deadline = NEVER
        if not turn.whole:
            turn.expect()
        most = self._most
        if most is not None and (len(self._state.connections) > most or len(self._state.tasks) >= most):
            log.warning("more connections than are taken")
            turn.reply(503, [_JSON, CLOSE], BUSY)
        elif self._keeper is not None:
            self._keeper.enter(turn, self._run)
        else:
            self._run(turn, turn.call(self._app))

    def _run(self, door: Door, rest: Rest) -> None:
        """Lets the rest of a turn be done as a task."""
        task = self._loop.create_task(self._finish(cast(Turn, door), rest))
        tasks = self._state.tasks
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _finish(self, turn: Turn, rest: Rest) -> None:
        try:
            await rest
        except Exception:
            log.exception("an application failed", extra={"path": turn.path})
            if not turn.begun:
                turn.keep_alive = False
                await (turn.reply(500, [_JSON], b'{"error":"internal error"}') or _nothing())
        finally:
            if not turn.complete and not turn.left:  # the client must see that its answer is not whole
                self._cut()

    def _fault(self, words: bytes) -> None:
        """Says what is wrong with what cannot be read, once all before it is answered."""
        self._deaf = True
        newest = self._newest
        if newest is not None and not newest.whole and newest is not self._turn:
            self._waiting.remove(newest)  # the last in line: never begun, as it will never be whole
        self._words = words
        turn = self._turn
        if turn is not None and turn is newest and not turn.whole:
            if turn.begun:
                self._cut()
            else:
                self._say(words)
            turn.leave()

    def _say(self, words: bytes) -> None:
        self.write(words)
        self._close()

    def _close(self) -> None:
        """Closes the connection once the client has taken what was written."""
        self._deaf = True
        self._outbox.flush()
        self._transport.close()
        self.deadline = self._loop.time() + STALL_S

    def _cut(self) -> None:
        """Ends the connection in the middle of an answer; at once where the client takes nothing."""
        if self.choked:
            self._transport.abort()
        else:
            self._close()


async def _nothing() -> None:
    return
