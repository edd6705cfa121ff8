"""The connections to one model server: kept alive, counted, handed out in order, and swept for time-outs."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Final

from moatkeeper.errors import ConfigError, UpstreamBroken, UpstreamUnreachable
from moatkeeper.serve.http1 import Origin
from moatkeeper.serve.http1_connection import Connection
from moatkeeper.serve.outbox import Outbox

_SWEEPS_A_TIMEOUT: Final = 4  # sweeps within the shortest time-out: none is late by more than a quarter of it
_MIN_SWEEP_S: Final = 0.01
_MAX_SWEEP_S: Final = 1.0
_TLS_GOODBYE_S: Final = 1.0  # how long a closing TLS connection waits for the other side's goodbye


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds after which each step is given up. A sweep looks after them, so each may come up to a second late."""

    connect_s: float = 5.0  # for a connection: a place in the queue for one, then name, TCP and TLS of a new one
    first_byte_s: float = 60.0  # from writing the request to the end of the final answer's head
    idle_s: float = 60.0  # between two pieces of the body, whichever side stands still
    keep_alive_s: float = 30.0  # larger: fewer new connections, more of them closed by the model server meanwhile


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A caller's place in the queue; the future brings a connection, or None: there is room to open one."""

    future: asyncio.Future[Connection | None]
    deadline: float


class Pool:
    """At most ``connections`` sockets to one origin. Belongs to the event loop that first uses it."""

    def __init__(
        self, origin: Origin, timeouts: Timeouts, *, connections: int, ca_file: str | None, max_head_bytes: int
    ) -> None:
        if connections < 1:
            raise ConfigError(f"{connections} connections to the model server, expected at least 1")
        self._origin = origin
        self._timeouts = timeouts
        self._outbox = Outbox()
        self._keep_alive_s = timeouts.keep_alive_s
        self._room = connections  # connections that may still be opened
        self._max_head_bytes = max_head_bytes
        self._tls = _tls_context(ca_file) if origin.tls else None
        self._idle: list[Connection] = []  # the freshest last
        self._open: set[Connection] = set()
        self._queue: deque[_Place] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._sweep_s = _sweep_s(timeouts)
        self._closed = False
        self._emptied = asyncio.Event()

    def take(self) -> Connection | None:
        """An idle connection that is open as far as is known, or None."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.fresh():
                return connection
            connection.close()
        return None

    async def acquire(self) -> Connection:
        """A new connection; where there is no room for one, the first to become free after all who wait already.

        Raises UpstreamUnreachable where none can be had in ``connect_s``.
        """
        loop = self._start()
        deadline = loop.time() + self._timeouts.connect_s
        first = False
        while True:
            if self._room > 0:  # then nobody waits: room goes to those first
                self._room -= 1
                return await self._connect(loop)
            connection = self.take()
            if connection is not None:
                return connection
            place = _Place(loop.create_future(), deadline)
            connection = await self._wait(place, first=first)
            if connection is None:
                return await self._connect(loop)
            if connection.usable:
                return connection
            first = True  # closed between being handed over and being used: the turn is kept

    async def _wait(self, place: _Place, *, first: bool) -> Connection | None:
        if first:
            self._queue.appendleft(place)
        else:
            self._queue.append(place)
        try:
            return await place.future
        except asyncio.CancelledError:
            self._pass_on(place)
            raise

    def _pass_on(self, place: _Place) -> None:
        """Gives back what a cancelled caller was handed, or takes it out of the queue."""
        future = place.future
        if not future.done() or future.cancelled():
            if place in self._queue:
                self._queue.remove(place)
        elif future.exception() is None:
            connection = future.result()
            if connection is None:
                self._make_room()
            elif connection.usable:
                self.released(connection)

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> Connection:
        """A new connection in the room that the caller has taken."""
        connect_s = self._timeouts.connect_s
        where = f"{self._origin.host}:{self._origin.port}"
        try:
            async with asyncio.timeout(connect_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(
                        self, loop, idle_s=self._timeouts.idle_s, max_head_bytes=self._max_head_bytes, outbox=self._outbox
                    ),
                    self._origin.host,
                    self._origin.port,
                    ssl=self._tls,
                    server_hostname=self._origin.host if self._tls is not None else None,
                    ssl_shutdown_timeout=_TLS_GOODBYE_S if self._tls is not None else None,
                )
        except TimeoutError as error:
            self._make_room()
            raise UpstreamUnreachable(f"no connection to {where} within {connect_s} s") from error
        except OSError as error:
            self._make_room()
            raise UpstreamUnreachable(f"no connection to {where}: {error}") from error
        except BaseException:
            self._make_room()
            raise
        if not connection.usable or self._closed:
            self._make_room()
            connection.close()
            raise UpstreamUnreachable(f"the connection to {where} was closed as soon as it was made")
        self._open.add(connection)  # from here on `lost` gives its room back
        return connection

    # What a connection calls.

    def released(self, connection: Connection) -> None:
        """Takes back a connection whose answer is complete: for the first who waits, else for later."""
        if self._closed:
            connection.close()
            return
        connection.rest(self._keep_alive_s)
        while self._queue:
            future = self._queue.popleft().future
            if not future.done():
                future.set_result(connection)
                return
        self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """Forgets a connection whose socket is closed, and gives its room to the first who waits."""
        if connection in self._idle:
            self._idle.remove(connection)
        if connection in self._open:
            self._open.remove(connection)
            self._make_room()
            if not self._open:
                self._emptied.set()

    def _make_room(self) -> None:
        while self._queue:
            future = self._queue.popleft().future
            if not future.done():
                future.set_result(None)
                return
        self._room += 1

    # Time.

    def _start(self) -> asyncio.AbstractEventLoop:
        """The pool's loop, with the sweep running; raises UpstreamUnreachable once the pool is closed."""
        if self._closed:
            raise UpstreamUnreachable("the client of the model server is shutting down")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self._sweep_s, self._sweep, self._loop)
        return self._loop

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in tuple(self._open):
            if connection.deadline < now:
                connection.expire()
        while self._queue and self._queue[0].deadline < now:  # all may wait equally long, so the first is the oldest
            future = self._queue.popleft().future
            if not future.done():
                future.set_exception(
                    UpstreamUnreachable(f"no connection to the model server became free in {self._timeouts.connect_s} s")
                )
        working = self._open or self._queue
        self._sweeper = loop.call_later(self._sweep_s, self._sweep, loop) if working else None

    async def close(self, grace_s: float) -> None:
        """Returns when all sockets are closed; answers in flight have ``grace_s`` seconds to end by themselves."""
        self._closed = True
        while self._queue:
            future = self._queue.popleft().future
            if not future.done():
                future.set_exception(UpstreamUnreachable("the client of the model server is shutting down"))
        for connection in tuple(self._idle):
            connection.close()
        await self._emptied_within(grace_s)
        for connection in tuple(self._open):
            connection.fail(UpstreamBroken("the answer was cut off by our own shutdown"))
        await self._emptied_within(_TLS_GOODBYE_S)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    async def _emptied_within(self, seconds: float) -> None:
        if self._open:
            self._emptied.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), seconds)


def _sweep_s(timeouts: Timeouts) -> float:
    shortest = min(timeouts.connect_s, timeouts.first_byte_s, timeouts.idle_s, timeouts.keep_alive_s)
    return max(_MIN_SWEEP_S, min(_MAX_SWEEP_S, shortest / _SWEEPS_A_TIMEOUT))


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A context that checks names and certificates, and speaks HTTP/1.1 only."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"CA file {ca_file!r}: {error}", hint="expected certificates in PEM form") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
