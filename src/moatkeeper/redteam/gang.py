"""A thief's accounts, in turn: each asks a few rows, pauses, and stays away after a refusal for as long as it was told."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.caller import Caller
from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.world import World


@dataclass(frozen=True, slots=True)
class Pace:
    """How a gang asks."""

    rows_per_request: int = 10  # larger: fewer requests, and more of an account's last allowance left unused
    pause_s: float = 1.0  # of an account between two requests, exponential; larger: slower, and less of a burst


class Gang:
    """A victim over a world: whoever may ask first asks next, until every account is refused for good."""

    def __init__(self, world: World, callers: Sequence[Caller], pace: Pace, rng: np.random.Generator) -> None:
        self._world = world
        self._pace = pace
        self._rng = rng
        self._callers = callers
        self._free = [(world.now, place) for place in range(len(callers))]
        self._began = world.now
        self._requests = self._refused = 0
        self._used: set[str] = set()

    @property
    def spent(self) -> Expenses:
        """What was asked so far, on the world's clock."""
        elapsed_s = self._world.now - self._began
        return Expenses(self._requests, self._refused, accounts=len(self._used), elapsed_s=elapsed_s)

    def ask(self, rows: FloatArray) -> FloatArray:
        """Answers (m, k) to the first m rows; m < n where nobody will be answered any more."""
        answered: list[FloatArray] = []
        done = 0
        while done < len(rows) and self._free:
            at, place = heapq.heappop(self._free)
            self._world.advance(max(at, self._world.now))
            batch = rows[done : done + self._pace.rows_per_request]
            caller = self._callers[place]
            reply = self._world.ask(caller, batch)
            self._requests += 1
            self._used.add(caller.account.id)
            wait_s = float(self._rng.exponential(self._pace.pause_s))
            if reply.answers is None:
                self._refused += 1
                wait_s += reply.retry_after_s
            else:
                answered.append(reply.answers)
                done += len(batch)
            if np.isfinite(wait_s):
                heapq.heappush(self._free, (self._world.now + wait_s, place))
        return np.concatenate(answered) if answered else np.empty((0, 0))
