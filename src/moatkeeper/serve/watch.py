"""All connections of a server, looked over once a second: those that are silent or stuck are closed.

A timer for each request would cost more than parsing it does.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Final, Protocol

from moatkeeper.serve.heads import Heads
from moatkeeper.serve.outbox import Outbox

SWEEP_S = 1.0
"""Between two looks: how much later than promised a connection is closed."""

NEVER: Final = inf


class Watched(Protocol):
    """A connection. ``deadline``: the loop's time at which something must have happened."""

    deadline: float

    def expire(self, now: float) -> None:
        """Closes the connection, or gives it another deadline."""
        ...


class Watch:
    """The connections of one server, the heads it knows, and what every answer of it says beside its own fields."""

    def __init__(self) -> None:
        self.heads = Heads()
        self.outbox = Outbox()
        self._watched: set[Watched] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._written = b""

    def enter(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to watch."""
        self._watched.add(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep, loop)

    def leave(self, connection: Watched) -> None:
        """Stops watching."""
        self._watched.discard(connection)

    def written(self, fields: list[tuple[bytes, bytes]]) -> bytes:
        """Header fields as they are sent; remembered until the server makes others, once a second."""
        if fields is not self._fields:
            self._fields = fields
            self._written = b"".join([name + b": " + value + b"\r\n" for name, value in fields])
        return self._written

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self.heads.sweep(now)
        for connection in tuple(self._watched):
            if now > connection.deadline:
                connection.expire(now)
        self._sweeper = loop.call_later(SWEEP_S, self._sweep, loop) if self._watched else None
