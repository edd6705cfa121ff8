"""The straight road: a query that meets nothing to wait for but the model server needs no task of its own."""

from __future__ import annotations

import logging
from typing import Protocol

from moatkeeper.serve.asgi import ClientGone
from moatkeeper.serve.desk import Desk, Waiting, done, is_stream
from moatkeeper.serve.door import Door, Rest, Run
from moatkeeper.serve.visit import PromptServer, Sent, UpstreamReply, Visit, WholeReply, Work
from moatkeeper.wire.base import Message, Purpose

log = logging.getLogger("moatkeeper.gateway")


class Tasks(Protocol):
    """The road for everything else: each of these may wait."""

    async def attend(self, visit: Visit, rest: Rest) -> None:
        """Does what is left of a visit, and tells the client what went wrong with it."""
        ...

    async def whole(self, visit: Visit) -> None:
        """All of a visit, from its route on."""
        ...

    async def answer(self, visit: Visit, work: Work, sent: Sent | None = None) -> None:
        """Forwards an admitted query, and gives the answer back."""
        ...

    async def pass_on(self, visit: Visit, work: Work, reply: UpstreamReply) -> None:
        """Gives an answer back whose head is there."""
        ...


class Straight:
    """One query on the straight road. Every step is the desk's; here is only their order, and the way off the road."""

    __slots__ = ("_desk", "_door", "_reply", "_run", "_tasks", "_upstream", "_visit", "_work")

    def __init__(self, desk: Desk, tasks: Tasks, upstream: PromptServer, door: Door, run: Run) -> None:
        self._desk = desk
        self._tasks = tasks
        self._upstream = upstream
        self._door = door
        self._run = run
        self._visit = desk.open(door)
        self._work: Work | None = None
        self._reply: WholeReply | None = None

    def begin(self) -> None:
        """Goes as far as the model server."""
        desk, visit, door = self._desk, self._visit, self._door
        body = door.body
        try:
            route = desk.resolve(visit)
            if route.purpose is not Purpose.INFER or body is None or len(body) > visit.running.body_limit:
                self._leave_road(self._tasks.whole(visit))
                return
            work = desk.decide(visit, route, desk.identify(visit), body)
            if not work.decision.admitted:
                self._end(None, desk.turn_away(visit, work))
                return
            self._work = work
            sent = desk.outgoing(visit, work)
            limit = -1 if work.asked.stream else visit.running.answer_limit
            reply = self._upstream.ask(sent.letter, work.sent_body, limit=limit, then=self._go_on)
            if reply is None:
                self._leave_road(self._tasks.answer(visit, work, sent))
                return
            self._reply = reply
            visit.presence.give_up = reply.abandon
            door.on_leave = visit.presence.leave
        except Exception as error:
            self._end(error)

    def _go_on(self) -> None:
        """Gives the answer back; called where its last byte is read, or the news that there will be none."""
        desk, visit, work, reply = self._desk, self._visit, self._work, self._reply
        if work is None or reply is None:
            return
        try:
            if visit.presence.left:
                raise ClientGone
            if reply.error is not None and not reply.status:
                raise reply.error
            if is_stream(reply.headers, reply.status):
                self._leave_road(self._tasks.pass_on(visit, work, reply))
                return
            desk.heard(work)
            body = reply.taken(visit.running.answer_limit)
            waiting = desk.give(visit, work, Message(reply.headers, body, reply.status))
        except Exception as error:
            reply.abandon()
            self._end(error)
        else:
            self._end(None, waiting)

    def _leave_road(self, rest: Rest) -> None:
        """The rest is done by a task."""
        self._run(self._door, self._tasks.attend(self._visit, rest))

    def _end(self, error: Exception | None, waiting: Waiting = None) -> None:
        desk, visit, work = self._desk, self._visit, self._work
        try:
            if work is not None:
                desk.settle(visit, work, error)
            if error is not None:
                waiting = desk.explain(visit, error)
        except Exception:  # nobody above could mend it: the event loop calls us
            log.exception("request failed", extra={"path": self._door.path})
            visit.cut = True
        if waiting is not None or visit.cut:  # a client that does not take its answer, or one whose answer is not whole
            self._leave_road(done(waiting))
        else:
            desk.leave(visit)
