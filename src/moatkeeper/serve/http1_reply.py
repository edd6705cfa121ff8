"""An answer on its way in: its head, and its body as a whole or piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from moatkeeper.errors import UpstreamBroken, UpstreamError
from moatkeeper.wire.base import Headers


class Source(Protocol):
    """The connection that an answer comes from."""

    def resume(self) -> None:
        """Reads on, if reading was paused because nobody took what had come."""
        ...

    def fail(self, error: UpstreamError) -> None:
        """Ends the answer with an error, and the connection with it."""
        ...


class Reply:
    """An answer whose head has arrived. Read it to its end, or ``aclose`` it.

    ``headers`` has names in lower case and no hop-by-hop fields. A body that ends early raises UpstreamBroken where it
    is read, after everything that came has been handed out; one that stalls raises UpstreamTimeout.
    """

    __slots__ = (
        "_connection",
        "_error",
        "_loop",
        "_pieces",
        "_then",
        "_waiter",
        "headers",
        "length",
        "status",
        "unread",
        "whole_limit",
    )

    def __init__(self, connection: Source, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: Headers = ()
        self.length: int | None = None  # the body's declared length; None: unknown, or there is no body
        self.whole_limit = -1  # bytes that ``body`` waits for; negative: the answer is streamed
        self._connection: Source | None = connection  # None: complete or failed
        self._error: UpstreamError | None = None
        self._loop = loop
        self._pieces: list[bytes] = []
        self.unread = 0  # bytes that have arrived and that nobody has taken
        self._waiter: asyncio.Future[None] | None = None
        self._then: Callable[[], None] | None = None

    def tell(self, then: Callable[[], None], limit: int) -> None:
        """Lets ``then`` be called, once, where ``wait`` would return: more than ``limit`` bytes, the end, or an error.

        It is called from within the event loop's read, and so must neither raise nor wait.
        """
        self._then = then
        self.whole_limit = limit

    @property
    def complete(self) -> bool:
        """Whether the whole answer has arrived."""
        return self._connection is None and self._error is None

    def _in_flight(self) -> bool:
        return self._connection is not None

    def _fits(self, limit: int) -> bool:
        return self.unread <= limit and (self.length or 0) <= limit

    async def body(self, limit: int) -> bytes:
        """The whole body; raises UpstreamBroken where it is cut short or longer than ``limit`` bytes."""
        connection = self._connection
        if connection is not None:
            self.whole_limit = limit
            try:
                while self._in_flight() and self._fits(limit):
                    connection.resume()
                    await self.wait()
            except asyncio.CancelledError:
                self.abandon()
                raise
        return self.taken(limit)

    def taken(self, limit: int) -> bytes:
        """The whole body, where nothing more is waited for; raises as ``body`` does."""
        if self._error is None and (self._connection is not None or not self._fits(limit)):
            self.abandon()
            raise UpstreamBroken(f"the answer's body is longer than {limit} bytes")
        if self._error is not None:
            raise self._error
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces as they arrive; while nobody takes them, the model server is made to wait."""
        self.whole_limit = -1
        while True:
            if self._pieces:
                piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
                self._pieces.clear()
                self.unread = 0
                if self._connection is not None:
                    self._connection.resume()
                yield piece
            elif self._error is not None:
                raise self._error
            elif self._connection is None:
                return
            else:
                await self.wait()

    async def aclose(self) -> None:
        """Gives the answer up: its connection is closed, unless the answer is complete and the connection is free again."""
        self.abandon()

    def abandon(self) -> None:
        """What ``aclose`` does, for callers that cannot wait."""
        if self._connection is not None:
            self._connection.fail(UpstreamBroken("the answer was given up by its reader"))

    async def wait(self) -> None:
        """Returns when something has changed: bytes, the end, or an error."""
        self._waiter = waiter = self._loop.create_future()
        await waiter

    def wake(self) -> None:
        """Lets ``wait`` return."""
        waiter, then = self._waiter, self._then
        if then is not None:
            self._then = None
            then()
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def arrived(self, piece: bytes) -> None:
        """Takes a piece of the body from the connection."""
        self._pieces.append(piece)
        self.unread += len(piece)

    def finish(self, error: UpstreamError | None) -> None:
        """Lets go of the connection: the answer is complete, or failed with ``error``."""
        self._connection = None
        self._error = error
        self.wake()

    @property
    def error(self) -> UpstreamError | None:
        """Why the answer failed, or None."""
        return self._error
