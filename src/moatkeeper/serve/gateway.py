"""The data path: one query through the house, from the client's bytes to the bytes that may go out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from moatkeeper.serve.asgi import Receive, Scope, Send
from moatkeeper.serve.desk import CLIENT_CLOSED, Desk, done, is_stream
from moatkeeper.serve.door import AsgiDoor, Door, Run
from moatkeeper.serve.plain import pass_plain
from moatkeeper.serve.straight import Straight
from moatkeeper.serve.streams import stream
from moatkeeper.serve.visit import ModelServer, Running, Sent, UpstreamReply, Visit, Work
from moatkeeper.wire.base import Message, Purpose

__all__ = ["CLIENT_CLOSED", "Gateway", "ModelServer", "Running", "UpstreamReply"]


class Gateway(Desk):
    """The application on the data port: pure ASGI, and a doorkeeper for the server that spares it those events.

    Both ways in take the same steps, those of the desk. A query whose body came along with its head and whose model server
    has a connection to spare goes straight: no task, no waiting, the answer is written where it is read. All others are
    served by a task.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request; websockets are refused, for no protected protocol speaks them."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._serve(AsgiDoor(scope, receive, send))

    def enter(self, door: Door, run: Run) -> None:
        """Begins to serve a request; ``run`` is given what has to wait for something."""
        if self.prompt is not None and door.body is not None and door.method == "POST":
            Straight(self, self, self.prompt, door, run).begin()
        else:
            run(door, self._serve(door))

    async def _serve(self, door: Door) -> None:
        visit = self.open(door)
        await self.attend(visit, self.whole(visit))

    async def attend(self, visit: Visit, rest: Awaitable[None]) -> None:
        """Does what is left of a visit, and tells the client what went wrong with it."""
        presence = visit.presence
        presence.give_up, presence.task = None, asyncio.current_task()
        visit.door.on_leave = presence.leave
        try:
            if presence.left and presence.task is not None:
                presence.task.cancel()  # before it began
            try:
                await rest
            except BaseException as error:
                waiting = self.explain(visit, error)
                if waiting is not None:
                    await waiting
        finally:
            self.leave(visit)

    async def whole(self, visit: Visit) -> None:
        """All of a visit, from its route on."""
        route = self.resolve(visit)
        if route.purpose is Purpose.PLAIN:
            await pass_plain(self, visit, route)
            return
        identity = self.identify(visit)
        door, limit = visit.door, visit.running.body_limit
        work = self.decide(visit, route, identity, await door.read(limit))
        if work.decision.admitted:
            await self.answer(visit, work)
        else:
            await done(self.turn_away(visit, work))

    async def answer(self, visit: Visit, work: Work, sent: Sent | None = None) -> None:
        """Forwards the query and gives the answer back; settles and records whatever happens on the way."""
        failed: BaseException | None = None
        try:
            if sent is None:
                sent = self.outgoing(visit, work)
            reply = await self.upstream.open(sent.method, sent.target, sent.headers, work.sent_body)
            await self._give_reply(visit, work, reply)
        except BaseException as error:
            failed = error
            raise
        finally:
            self.settle(visit, work, failed)

    async def pass_on(self, visit: Visit, work: Work, reply: UpstreamReply) -> None:
        """Gives an answer back whose head is there; settles and records."""
        failed: BaseException | None = None
        try:
            await self._give_reply(visit, work, reply)
        except BaseException as error:
            failed = error
            raise
        finally:
            self.settle(visit, work, failed)

    async def _give_reply(self, visit: Visit, work: Work, reply: UpstreamReply) -> None:
        """The model server's answer, whatever it is, as this caller may see it."""
        self.heard(work)
        try:
            if is_stream(reply.headers, reply.status):
                await stream(self, visit, work, reply)
            else:
                body = await reply.body(visit.running.answer_limit)
                await done(self.give(visit, work, Message(reply.headers, body, reply.status)))
        finally:
            await reply.aclose()
