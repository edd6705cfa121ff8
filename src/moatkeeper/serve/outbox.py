"""What is written in one turn of the event loop, handed to the sockets together at its end.

A peer on the same machine sleeps while we work on the next request, and waking it costs as much as reading one. Written
together, sixteen answers wake it once.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

MOST_BYTES: Final = 65_536
"""Of one piece that waits for the others; a larger one goes out at once."""

MOST_PIECES: Final = 64
"""Pieces that wait for one another; larger: fewer wake-ups, and the first waits longer."""

SENT: Final = -1


class Socket(Protocol):
    """As much of a transport as is needed here."""

    def write(self, data: bytes) -> None:
        """Sends bytes."""
        ...

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        ...


class Outbox:
    """Pieces on their way to many sockets of one event loop, in the order in which they were posted."""

    __slots__ = ("_loop", "_pieces", "batch")

    def __init__(self) -> None:
        self.batch = 0  # the number of those that wait now
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pieces: list[tuple[Socket, bytes]] = []

    def post(self, socket: Socket, data: bytes) -> int:
        """Sends bytes at the end of this turn; the batch that they wait in, or SENT."""
        pieces = self._pieces
        if len(data) > MOST_BYTES or len(pieces) >= MOST_PIECES:
            self.flush()
            socket.write(data)
            return SENT
        if not pieces:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self.flush)
        pieces.append((socket, data))
        return self.batch

    def flush(self) -> None:
        """Sends what waits now; before a socket is closed in good order."""
        pieces = self._pieces
        if pieces:
            self._pieces = []
            self.batch += 1
            for socket, data in pieces:
                if not socket.is_closing():
                    socket.write(data)
