"""The gateway as ASGI middleware: the same guard around an application in this process (FastAPI, BentoML, Ray Serve)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from moatkeeper.config.load import load
from moatkeeper.config.settings import Settings
from moatkeeper.errors import UpstreamBroken
from moatkeeper.serve.asgi import Application, Event, Receive, Scope, Send
from moatkeeper.serve.house import House
from moatkeeper.wire.base import Headers

log = logging.getLogger("moatkeeper.middleware")

TICK_S = 1.0

CHUNKS_AHEAD = 4
"""Pieces of a streamed answer that the application may be ahead of its client; larger: more memory, fewer waits."""


class MoatkeeperMiddleware:
    """Wraps an ASGI application; every path that no wire format declares is refused, as at the gateway.

    ``passes`` names path prefixes that go to the application untouched: pages that ask no model. ``config`` and ``data``
    are what ``moatkeeper serve`` takes. The house opens with the first event and closes with the lifespan.
    """

    def __init__(
        self,
        app: Application,
        *,
        config: str | Path | None = None,
        data: str | Path | None = None,
        passes: tuple[str, ...] = (),
        settings: Settings | None = None,
    ) -> None:
        overrides = {"server.data": Path(data)} if data is not None else {}
        self._settings = settings or load(Path(config) if config is not None else None, overrides)
        self._app = app
        self._passes = passes
        self._house: House | None = None
        self._ticker: asyncio.Task[None] | None = None

    @property
    def house(self) -> House:
        """The parts behind the middleware, opened on first use."""
        if self._house is None:
            self._house = House(self._settings, upstream=InProcess(self._app))
        return self._house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event of any type."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._closing(send))
            return
        if scope["type"] != "http" or any(scope["path"].startswith(prefix) for prefix in self._passes):
            await self._app(scope, receive, send)
            return
        house = self.house
        if self._ticker is None:
            self._ticker = asyncio.create_task(_tick(house))
        await house.gateway(scope, receive, send)

    async def close(self) -> None:
        """Writes down what waits; called by the lifespan's shutdown, or by hand where the host has none."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._house is not None:
            await self._house.close()
            self._house = None

    def _closing(self, send: Send) -> Send:
        async def closing(event: Event) -> None:
            if event["type"].startswith("lifespan.shutdown."):
                await self.close()
            await send(event)

        return closing


def _notice(task: asyncio.Task[None]) -> None:
    """Logs how an application failed; its client is told no more than that it did."""
    if not task.cancelled() and task.exception() is not None:
        log.error("the application failed", exc_info=task.exception())


async def _tick(house: House) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        house.tick()


class InProcess:
    """A model server that is an application in this process: requests reach it as ASGI events, and no socket is involved."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def open(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> InProcessReply:
        """The answer once the application has begun it; raises UpstreamBroken where it fails before."""
        path, _, query = target.partition(b"?")
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path.decode("latin-1"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", b"localhost"), *headers, (b"content-length", b"%d" % len(body))],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
        }
        reply = InProcessReply(self._app, scope, body)
        try:
            await reply.begin()
        except BaseException:
            await reply.aclose()
            raise
        return reply


class InProcessReply:
    """An answer that an application is making: its head is there, its pieces come as it sends them."""

    def __init__(self, app: Application, scope: Scope, body: bytes) -> None:
        self.status = 0
        self.headers: Headers = ()
        self._body = body
        self._asked = False
        self._begun = asyncio.Event()
        self._gone = asyncio.Event()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(CHUNKS_AHEAD)
        self._complete = False
        self._task = asyncio.create_task(self._run(app, scope))
        self._task.add_done_callback(_notice)

    async def begin(self) -> None:
        """Waits for the head."""
        waiter = asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait({waiter, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
        if not self.status:
            raise UpstreamBroken(f"the application ended without an answer: {self._failure()}")

    async def body(self, limit: int) -> bytes:
        """The whole body; raises UpstreamBroken where it is longer than ``limit`` or not completed."""
        pieces, length = [], 0
        async for piece in self.chunks():
            pieces.append(piece)
            length += len(piece)
            if length > limit:
                raise UpstreamBroken(f"the answer is longer than {limit} bytes")
        return b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces as they come; raises UpstreamBroken where the application ends before its answer does."""
        while True:
            piece = await self._pieces.get()
            if piece is None:
                if not self._complete:
                    raise UpstreamBroken(f"the application ended in the middle of its answer: {self._failure()}")
                return
            if piece:
                yield piece

    async def aclose(self) -> None:
        """Tells the application that its client is gone; ends it unless its answer is whole (it may have more to do then)."""
        self._gone.set()
        while not self._pieces.empty():
            self._pieces.get_nowait()
        if not self._complete:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, app: Application, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        finally:
            if not self._complete and not self._gone.is_set():
                await self._pieces.put(None)

    async def _receive(self) -> Event:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, event: Event) -> None:
        if event["type"] == "http.response.start":
            self.status = event["status"]
            self.headers = tuple((name.lower(), value) for name, value in event.get("headers", ()))
            self._begun.set()
        elif event["type"] == "http.response.body":
            await self._pieces.put(event.get("body", b""))
            if not event.get("more_body", False):
                self._complete = True
                await self._pieces.put(None)

    def _failure(self) -> str:
        if self._task.done() and not self._task.cancelled():
            return repr(self._task.exception())
        return "no reason given"
