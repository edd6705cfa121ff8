"""Two passes over one campaign: ask once, make a first copy from labels, undo the defence with it, learn again from the result.

The second pass asks the victim nothing. The attack runs again with the same chance and is shown the undone answers; should it
ask something else this time, its own first copy answers, which is the best guess that the thief has.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Generic, Protocol, cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.adaptive.base import own_chance
from moatkeeper.redteam.adaptive.labels import one_hot
from moatkeeper.redteam.base import Attack, Loot, Q, S, Victim
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.trade import Trade

SURE = 1e-6
"""A copy's score below this says only that a class is unlikely; as a centre to search around it would forbid the class."""

Undo = Callable[[FloatArray, FloatArray, np.random.Generator], FloatArray]
"""Answers as shown (n, k), and the first copy's scores on the same questions (n, k), to what the answers were before."""


class _Scores(Protocol):
    def scores(self, questions: object, /) -> FloatArray: ...


class NotingDoor(Generic[Q]):
    """Shows the attack labels, and notes the answers as they came."""

    def __init__(self, victim: Victim[Q, FloatArray], trade: Trade[Q, FloatArray]) -> None:
        self._victim = victim
        self._trade = trade
        self.batches: list[tuple[Q, FloatArray]] = []

    @property
    def spent(self) -> Expenses:
        """The victim's own count."""
        return self._victim.spent

    def ask(self, questions: Q) -> FloatArray:
        """One-hot rows, as many as were answered."""
        answers = self._victim.ask(questions)
        if len(answers):
            self.batches.append((self._trade.take(questions, range(len(answers))), answers))
        return one_hot(answers)


class ReplayDoor(Generic[Q]):
    """Answers from the record, and from the first copy what is not in it, up to as many questions as were answered."""

    def __init__(
        self, trade: Trade[Q, FloatArray], record: dict[bytes, FloatArray], copy: _Scores, allowance: int, spent: Expenses
    ) -> None:
        self._trade = trade
        self._record = record
        self._copy = copy
        self._left = allowance
        self._spent = spent

    @property
    def spent(self) -> Expenses:
        """What the victim had counted after the first pass."""
        return self._spent

    def ask(self, questions: Q) -> FloatArray:
        """Undone answers, or the first copy's."""
        keys = self._trade.keys(questions)[: self._left]
        self._left -= len(keys)
        if not keys:
            return np.empty((0, 0))
        missing = [index for index, key in enumerate(keys) if key not in self._record]
        guesses = iter(self._copy.scores(self._trade.take(questions, missing)) if missing else ())
        return np.array([self._record[key] if key in self._record else next(guesses) for key in keys])


def in_two_passes(
    attack: Attack[Q, FloatArray, S],
    victim: Victim[Q, FloatArray],
    budget: int,
    rng: np.random.Generator,
    trade: Trade[Q, FloatArray],
    undo: Undo,
) -> Loot[S]:
    """What the attack makes of undone answers. An attack without an answer brings home what it does without."""
    again, own = deepcopy(rng), own_chance(deepcopy(rng))
    door = NotingDoor(victim, trade)
    first = attack.run(door, budget, rng)
    if not door.batches or door.batches[0][1].shape[1] == 1:  # nothing learnt, or regression, which has no labels
        return first
    copy = cast(_Scores, first.surrogate)
    shown = np.concatenate([answers for _, answers in door.batches])
    believed = np.concatenate([copy.scores(questions) for questions, _ in door.batches])
    undone = undo(shown, distributions(believed), own)
    keys = [key for questions, _ in door.batches for key in trade.keys(questions)]
    replay = ReplayDoor(trade, dict(zip(keys, undone, strict=True)), copy, len(shown), victim.spent)
    return attack.run(replay, budget, again)


def distributions(scores: FloatArray) -> FloatArray:
    """A copy's scores as probabilities of at least SURE, rows summing to 1, whatever numbers it gives."""
    positive = np.maximum(np.nan_to_num(scores), SURE)
    return cast(FloatArray, positive / positive.sum(axis=1, keepdims=True))
