"""A world without sockets: a model behind the real engine, and a clock that moves only when somebody moves it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np

from moatkeeper.core.answer import Answer, Output, OutputKind, Usage
from moatkeeper.core.caller import Caller
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Decision
from moatkeeper.core.query import Cost, FloatArray, InputKind, Inputs, Query
from moatkeeper.errors import MoatkeeperError
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.ladder import Ladder
from moatkeeper.guard.memory import Memory
from moatkeeper.guard.register import RegisterInMemory
from moatkeeper.store.memory import InMemory

RowModel = Callable[[FloatArray], FloatArray]
"""Rows (n, d) to answers (n, k), exact: what the owner can ask and a thief cannot."""

MODEL = "model"
NOTHING_USED = Usage(0)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a caller got: answers (n, k), or None where the request was refused, with the wait that the refusal told."""

    answers: FloatArray | None
    retry_after_s: float = 0.0


class World:
    """One model, one guard (None: bare), one clock. The engine's doors are the gateway's: what is measured here happens there.

    What detectors find changes standings as it does at a gateway, by the guard's rules. ``watch`` is told every exchange and
    refusal, for whoever reports on them.
    """

    def __init__(
        self,
        model: RowModel,
        guard: Guard | None = None,
        *,
        memory: Memory | None = None,
        start: float = 0.0,
        name: str = MODEL,
        watch: Callable[[Query, Decision | None], None] = lambda query, decision: None,
    ) -> None:
        self._model = model
        self._guard = guard
        self.memory: Memory = memory if memory is not None else InMemory()
        self._now = start
        self._name = name
        self._watch = watch
        self._ladder = Ladder(guard.policy.rules) if guard is not None else None
        self._register = RegisterInMemory(self.memory)
        self._numbers = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    @property
    def now(self) -> float:
        """The time, in seconds."""
        return self._now

    def schedule(self, at: float, event: Callable[[], None]) -> None:
        """Has ``event`` called when the clock passes ``at``; events of one moment come in the order of their scheduling."""
        heapq.heappush(self._due, (at, next(self._numbers), event))

    def advance(self, until: float) -> None:
        """Moves the clock to ``until``, through every event that is due on the way; raises MoatkeeperError for the past."""
        if until < self._now:
            raise MoatkeeperError(f"the clock stands at {self._now}, and cannot go back to {until}")
        while self._due and self._due[0][0] <= until:
            at, _, event = heapq.heappop(self._due)
            self._now = max(self._now, at)
            event()
        self._now = max(self._now, until)  # an event may itself have moved the clock

    def ask(self, caller: Caller, rows: FloatArray, known: FloatArray | None = None) -> Reply:
        """One request of n rows, now. ``known`` are the model's exact answers (n, k), where they need not be asked for."""
        query = Query(
            f"q{next(self._numbers)}",
            caller,
            self._name,
            self._now,
            Inputs(InputKind.NUMBERS, len(rows), rows),
            Cost(len(rows)),
        )
        guard = self._guard
        if guard is None:
            self._watch(query, None)
            return Reply(self._scores(rows, known))
        decision = guard.admit(query, self.memory)
        self._watch(query, decision)
        if not decision.admitted:
            return Reply(None, decision.retry_after_s)
        try:
            answer = Answer((Output("scores", OutputKind.NUMBERS, self._scores(rows, known)),))
        except BaseException:
            guard.settle(query, decision, NOTHING_USED, self.memory)  # as the gateway does where its model server fails
            raise
        released = guard.release(query, decision, answer)
        guard.settle(query, decision, Usage(len(rows)), self.memory)
        found = guard.observe(Exchange(query, decision, answer, released), self.memory)
        if found and self._ladder is not None:
            self._ladder.take(found, self._register)
        values = released.outputs[0].values if released.outputs else None
        if values is None:
            raise MoatkeeperError("the contract lets no output of the model out: there is nothing to steal")
        return Reply(values)

    def _scores(self, rows: FloatArray, known: FloatArray | None) -> FloatArray:
        """The model's answers; raises MoatkeeperError where they are not one row each."""
        if known is not None:
            return known
        scores = np.asarray(self._model(rows), dtype=np.float64)
        if scores.ndim != 2 or len(scores) != len(rows):
            raise MoatkeeperError(f"the model answered {len(rows)} rows with an array of shape {scores.shape}")
        return scores
