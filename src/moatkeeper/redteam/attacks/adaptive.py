"""Adaptive retraining: fit a copy, ask near its boundary, and fit again.

Tramèr et al. 2016, section 6 (after Cohn et al. 1994): rounds of questions along lines that cross the copy's boundary.
Deviations: the first questions and a share of each round are rows of the thief's own and uniform ones, so that a copy that is
sure and wrong is found out; rounds grow by a fixed share of what was asked; and the form of the copy, linear, RBF kernel, small
network or tree, is chosen by cross-validation on the thief's own answers each time these have doubled, where the paper's
thief knows it. Scores are used where they are shown. Of a regression there is no boundary: the rounds ask the thief's own
rows and uniform ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Notes, Plan, Record, askable, carry_out, pool_rows, uniform_rows
from moatkeeper.redteam.attacks.equations import exact_copy
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.learners import best_candidate
from moatkeeper.redteam.likelihoods import Candidate
from moatkeeper.redteam.linear import frame_of, uninformed

FIRST = 20  # questions before the first fit
GROWTH = 3  # a round asks a third of what was asked before; larger: smaller rounds, better aimed, more time
PLAIN = 0.4  # share of a round that is not aimed; larger: surer against blind spots, fewer questions at the boundary
HALVINGS = 12  # of a line across the copy's boundary, offline
TRIES = 4  # lines drawn for each question that is aimed; many do not cross


class Adaptive:
    """Asks in rounds whose sizes do not depend on the budget."""

    name: ClassVar[str] = "adaptive"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._knowledge = knowledge
        self._regression = knowledge.regression or knowledge.outputs == 1

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The copy of the best form, fitted to at most ``budget`` answers."""
        return Loot(self._copy(carry_out(self._plan(rng), victim, budget, self._knowledge)))

    def _copy(self, record: Record) -> Surrogate:
        if len(record.rows) == 0:
            return uninformed(self._knowledge.outputs)
        exact = None if self._regression else exact_copy(record)
        if exact is not None:
            return exact
        return self._best(record, thorough=True).fit(record.rows, record.answers)

    def _best(self, record: Record, *, thorough: bool) -> Candidate:
        own = self._knowledge.pool if len(self._knowledge.pool) > 1 else record.rows
        return best_candidate(record, frame_of(own), regression=self._regression, thorough=thorough)

    def _plan(self, rng: np.random.Generator) -> Plan:
        notes = Notes(self._knowledge)
        own = iter(pool_rows(self._knowledge, rng))
        yield from notes.ask(self._plain(own, rng, FIRST))
        chosen, chosen_at = self._best(notes.record, thorough=False), FIRST
        while True:
            record = notes.record
            asked = len(record.rows)
            if asked >= 2 * chosen_at:
                chosen, chosen_at = self._best(record, thorough=False), asked
            size = max(FIRST // 2, asked // GROWTH)
            plain = size if self._regression else int(PLAIN * size)
            batch = self._plain(own, rng, plain)
            if not self._regression:
                batch = np.concatenate(
                    [batch, self._aimed(chosen.fit(record.rows, record.answers), record.rows, rng, size - plain)]
                )
            yield from notes.ask(batch)

    def _plain(self, own: Iterator[FloatArray], rng: np.random.Generator, count: int) -> FloatArray:
        """Rows of the thief's own while he has any, and uniform ones, in turn."""
        rows = uniform_rows(self._knowledge, rng, count)
        for index in range(0, count, 2):
            row = next(own, None)
            rows[index] = row if row is not None else rows[index]
        return rows

    def _aimed(self, copy: Surrogate, asked: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
        """Rows at the copy's boundary, on lines between rows that it decides differently; uniform ones where none cross."""
        starts = asked[rng.integers(len(asked), size=TRIES * count)]
        half = len(starts) // 2
        targets = np.concatenate(
            [asked[rng.integers(len(asked), size=half)], uniform_rows(self._knowledge, rng, len(starts) - half)]
        )
        label = copy.scores(starts).argmax(axis=1)
        crossing = np.flatnonzero(label != copy.scores(targets).argmax(axis=1))
        crossing = crossing[rng.permutation(len(crossing))[:count]]
        near, far, label = starts[crossing], targets[crossing], label[crossing]
        for _ in range(HALVINGS if len(near) else 0):
            middle = (near + far) / 2
            alike = (copy.scores(middle).argmax(axis=1) == label)[:, None]
            near, far = np.where(alike, middle, near), np.where(alike, far, middle)
        rows = askable(self._knowledge, (near + far) / 2)
        return np.concatenate([rows, uniform_rows(self._knowledge, rng, count - len(rows))])
