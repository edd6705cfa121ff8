"""All requests here, looked over a few times a second: slow clients are given up, and those that left are noticed.

A timer or a watching task for each request would cost more than most requests do; one sweep over those that have been here
for a while costs nothing on the request path.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from moatkeeper.serve.asgi import Receive

SWEEP_S = 0.25
"""Between two looks: how much later than asked a slow sender is given up, and how long a client's absence goes unnoticed."""


@dataclass(slots=True, eq=False)
class Presence:
    """One request's client: still sending, or waiting for its answer. Lives as long as the request does."""

    receive: Receive
    task: asyncio.Task[object] | None
    deadline: float  # of the request's last byte, or of a piece of the answer on its way out; 0: nothing is waited for
    arrived: bool = False  # the request is whole: from here on the client can only leave
    watcher: asyncio.Task[None] | None = field(default=None)
    slow: bool = False  # the deadline passed
    left: bool = False  # the client closed its connection

    def arrive(self) -> None:
        """The request is whole, and its client waits."""
        self.arrived = True
        self.deadline = 0.0


class Visits:
    """The registry of presences and its sweep, which runs while there is something to look at."""

    def __init__(self) -> None:
        self._present: set[Presence] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._present)

    def enter(self, receive: Receive, within_s: float) -> Presence:
        """Begins to watch the current task's request, whose body must arrive ``within_s`` seconds."""
        loop = asyncio.get_running_loop()
        presence = Presence(receive, asyncio.current_task(loop), loop.time() + within_s)
        self._present.add(presence)
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep, loop)
        return presence

    def leave(self, presence: Presence) -> None:
        """Stops watching."""
        self._present.discard(presence)
        if presence.watcher is not None:
            presence.watcher.cancel()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for presence in self._present:
            if presence.deadline and now > presence.deadline and not presence.slow:
                presence.slow = True
                _cancel(presence)
            elif presence.arrived and presence.watcher is None:
                # Only now is it worth a task: answers quicker than a sweep are done before their client's absence matters.
                presence.watcher = loop.create_task(_wait_for_leaving(presence))
        self._sweeper = loop.call_later(SWEEP_S, self._sweep, loop) if self._present else None


async def _wait_for_leaving(presence: Presence) -> None:
    while (await presence.receive())["type"] != "http.disconnect":
        continue
    presence.left = True
    _cancel(presence)


def _cancel(presence: Presence) -> None:
    if presence.task is not None:
        presence.task.cancel()
