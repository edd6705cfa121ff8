"""All requests here, looked over a few times a second: slow clients are given up, and those that left are noticed.

A timer or a watching task for each request would cost more than most requests do; one sweep over those that have been here
for a while costs nothing on the request path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from moatkeeper.serve.asgi import Receive

SWEEP_S = 0.25
"""Between two looks: how much later than asked a slow sender is given up, and how long a client's absence goes unnoticed."""


@dataclass(slots=True, eq=False)
class Presence:
    """One request's client: still sending, or waiting for its answer. Lives as long as the request does."""

    receive: Receive | None  # where the client's leaving is heard; None: ``leave`` is called
    task: asyncio.Task[object] | None  # what ends with it
    deadline: float  # of the request's last byte, or of a piece of the answer on its way out; 0: nothing is waited for
    arrived: bool = False  # the request is whole: from here on the client can only leave
    watcher: asyncio.Task[None] | None = field(default=None)
    slow: bool = False  # the deadline passed
    left: bool = False  # the client closed its connection
    give_up: Callable[[], None] | None = None  # what ends with it where that is no task

    def leave(self) -> None:
        """The client is gone: whatever works for it ends."""
        self.left = True
        self.end()

    def end(self) -> None:
        """Ends whatever works for the client."""
        if self.give_up is not None:
            self.give_up()
        elif self.task is not None:
            self.task.cancel()

    def arrive(self) -> None:
        """The request is whole, and its client waits."""
        self.arrived = True
        self.deadline = 0.0


class Visits:
    """The registry of presences and its sweep, which runs while there is something to look at."""

    def __init__(self) -> None:
        self._present: set[Presence] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._present)

    def enter(self, receive: Receive | None, within_s: float, *, task: asyncio.Task[object] | None = None) -> Presence:
        """Begins to watch a request, whose body must arrive ``within_s`` seconds, and the task that serves it."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        presence = Presence(receive, task, loop.time() + within_s)
        self._present.add(presence)
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep, loop)
        return presence

    def leave(self, presence: Presence) -> None:
        """Stops watching."""
        self._present.discard(presence)
        if presence.watcher is not None:
            presence.watcher.cancel()

    def end_all(self) -> None:
        """Ends whatever is still worked on, as if all clients had left: the process does."""
        for presence in tuple(self._present):
            presence.leave()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for presence in tuple(self._present):
            if presence.deadline and now > presence.deadline and not presence.slow:
                presence.slow = True
                presence.end()
            elif presence.arrived and presence.watcher is None and presence.receive is not None:
                # Only now is it worth a task: answers quicker than a sweep are done before their client's absence matters.
                presence.watcher = loop.create_task(_wait_for_leaving(presence, presence.receive))
        self._sweeper = loop.call_later(SWEEP_S, self._sweep, loop) if self._present else None


async def _wait_for_leaving(presence: Presence, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    presence.leave()
