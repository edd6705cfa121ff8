"""Several thieves on one clock: each runs in a thread of its own, and one baton goes always to whoever asks next.

An attack is one call that returns when the copy is made, so two of them can only share a clock if each can be held in the
middle of its asking. Exactly one thread runs at any moment, and who is next depends on simulated time alone: equal campaigns
take equal steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Semaphore, Thread

from moatkeeper.core.caller import Caller
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError
from moatkeeper.redteam.purse import Purse
from moatkeeper.redteam.world import Reply, World

INTERRUPTED = "the campaign was interrupted"
FOR_GOOD = Reply(None, float("inf"))
"""The refusal of somebody who will never be answered again."""


class Seat(World):
    """The world as one thief sees it: waiting hands the baton on, and a request must be paid for from his purse."""

    def __init__(self, world: World, baton: Baton, purse: Purse, end: float) -> None:
        self._world = world
        self._baton = baton
        self._end = end
        self.purse = purse
        self.memory = world.memory
        self.due = world.now
        self.done = False
        self.turn = Semaphore(0)

    @property
    def now(self) -> float:
        """The world's time, in seconds."""
        return self._world.now

    def schedule(self, at: float, event: Callable[[], None]) -> None:
        """As the world's."""
        self._world.schedule(at, event)

    def advance(self, until: float) -> None:
        """Waits until then, while everybody else goes on; at most to the end of the thief's days.

        Where the campaign is interrupted meanwhile it returns at once, and nothing is answered any more: what the thief was
        answered before is his to use.
        """
        if until < self.now:
            raise MoatkeeperError(f"the clock stands at {self.now}, and cannot go back to {until}")
        if until > self._end:
            self.purse.empty = self.purse.empty or "the days are over"
        self.due = min(until, max(self._end, self.now))
        if not self._baton.hand_over(self):
            self.purse.empty = INTERRUPTED

    def ask(self, caller: Caller, rows: FloatArray, known: FloatArray | None = None) -> Reply:
        """One request of n rows, now; refused for good once the purse is empty, without asking anybody."""
        if not self.purse.affords(caller, len(rows)):
            return FOR_GOOD
        reply = self._world.ask(caller, rows, known)
        self.purse.book(caller, len(rows), self.now, answered=reply.answers is not None)
        return reply


class Baton:
    """Runs thieves in turn, in the order of the time for which each waits; equal times in the order of their seats."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._back = Semaphore(0)
        self._failure: BaseException | None = None
        self.stopped = False

    def run(self, seats: Sequence[Seat], thefts: Sequence[Callable[[], None]]) -> bool:
        """Lets every theft run to its end, one step at a time; False where it was interrupted from the keyboard.

        After an interruption each thief is told that nothing more can be had, and ends with what he has.
        """
        threads = [
            Thread(target=self._steal, args=(seat, theft), daemon=True) for seat, theft in zip(seats, thefts, strict=True)
        ]
        whole = True
        begun: list[Seat] = []
        try:
            for seat, thread in zip(seats, threads, strict=True):
                thread.start()
                begun.append(seat)
                self._back.acquire()
                self._check()
            while waiting := [seat for seat in seats if not seat.done]:
                seat = min(waiting, key=lambda one: one.due)
                self._world.advance(max(seat.due, self._world.now))
                seat.turn.release()
                self._back.acquire()
                self._check()
        except KeyboardInterrupt:
            whole = False
        finally:
            self.stopped = True
            for seat, thread in zip(begun, threads, strict=False):
                seat.turn.release()
                thread.join()
        self._check()
        return whole

    def hand_over(self, seat: Seat) -> bool:
        """Called in a thief's thread: gives the baton back until it is his turn again; False once there are no more turns."""
        if not self.stopped:
            self._back.release()
            seat.turn.acquire()
        return not self.stopped

    def _steal(self, seat: Seat, theft: Callable[[], None]) -> None:
        try:
            theft()
        except BaseException as error:  # told in the thread that called, which alone can do something about it
            self._failure = self._failure or error
        seat.done = True
        self._back.release()

    def _check(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
