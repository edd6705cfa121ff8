"""In-distribution mixing: innocent rows between the attack's own, so that no window of the traffic looks strange.

A detector that looks at the distribution of an account's rows sees the mixture. Innocent rows come from the thief's pool, in
random order, each once before any comes again. They are paid for like all others. Where the answers to them are used, a
question of the attack that was asked as an innocent one is answered from there for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.base import own_chance
from moatkeeper.redteam.base import Attack, Loot, RowVictim, S
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge

SHARE = 0.5  # innocent of all that is asked; larger: better cover, fewer questions for the attack


class MixDoor:
    """Asks the attack's rows at their places among innocent ones, and lets only the answers to the former back."""

    def __init__(
        self, victim: RowVictim, pool: FloatArray, share: float, budget: int, rng: np.random.Generator, *, use: bool
    ) -> None:
        self._victim = victim
        self._pool = pool
        self._share = share
        self._budget = budget
        self._rng = rng
        self._use = use
        self._asked = 0  # places taken, of both kinds
        self._order: list[int] = []
        self._known: dict[bytes, FloatArray] = {}

    @property
    def spent(self) -> Expenses:
        """The victim's own count."""
        return self._victim.spent

    def ask(self, rows: FloatArray) -> FloatArray:
        """Answers to the attack's rows, as far as the victim and the budget go."""
        batch: list[FloatArray] = []
        bought: dict[bytes, int] = {}  # innocent rows of this batch, by their place in it
        sources: list[FloatArray | int] = []  # of each row's answer: an earlier one, or its place in the batch
        for row in rows:
            key = row.tobytes()
            if self._use and key in self._known:
                sources.append(self._known[key])
                continue
            if self._use and key in bought:
                sources.append(bought[key])
                continue
            while self._asked + len(batch) < self._budget and self._is_innocent(self._asked + len(batch)):
                innocent = self._innocent()
                bought.setdefault(innocent.tobytes(), len(batch))
                batch.append(innocent)
            if self._asked + len(batch) >= self._budget:
                break
            sources.append(len(batch))
            batch.append(row)
        answers = self._victim.ask(np.array(batch)) if batch else np.empty((0, 0))
        self._asked += len(answers)
        self._known.update({key: answers[place] for key, place in bought.items() if place < len(answers)})
        return _collected(sources, answers)

    def _is_innocent(self, place: int) -> bool:
        return int((place + 1) * self._share) > int(place * self._share)

    def _innocent(self) -> FloatArray:
        if not self._order:
            self._order = self._rng.permutation(len(self._pool)).tolist()
        row: FloatArray = self._pool[self._order.pop()]
        return row


def _collected(sources: Sequence[FloatArray | int], answers: FloatArray) -> FloatArray:
    collected: list[FloatArray] = []
    for source in sources:
        if isinstance(source, int):
            if source >= len(answers):
                break
            collected.append(answers[source])
        else:
            collected.append(source)
    return np.array(collected) if collected else np.empty((0, 0))


class Mix:
    """Hides the attack among a ``share`` of innocent rows, in [0, 1); ``use``: whether answers to these may serve."""

    name = "mix"

    def __init__(self, knowledge: RowKnowledge, share: float = SHARE, *, use: bool = False) -> None:
        if not 0 <= share < 1:
            raise UsageError(f"a share of innocent rows is at least 0 and below 1; found {share}")
        if share > 0 and not len(knowledge.pool):
            raise UsageError("mixing needs rows of the right population, and the thief has none")
        self._pool = knowledge.pool
        self._share = share
        self._use = use

    def run(
        self, attack: Attack[FloatArray, FloatArray, S], victim: RowVictim, budget: int, rng: np.random.Generator
    ) -> Loot[S]:
        """What the attack makes of its share of the answers."""
        door = MixDoor(victim, self._pool, self._share, budget, own_chance(rng), use=self._use)
        return attack.run(door, budget if self._use else budget - int(budget * self._share), rng)
