"""Lowd-Meek: a linear model of two classes from its decisions alone, by a line search for every column.

Lowd and Meek 2005, section 3 (sign witness, then a line search for each feature's relative weight), as used by Tramèr et al.
2016, section 6. Deviations: each column is moved far instead of by one unit, and the boundary is then searched along the line
between the first two opposite rows, which crosses it for sure, so that small weights need no long walk and whole columns can be
measured too; every search yields a point of the boundary, and the copy is the plane through all of them (by singular values),
which more passes from other opposite rows make steadier. Before the first pass is complete, and for more classes than two,
which no one plane parts, the copy is the most likely linear model of the labels. A regression has no labels: nothing is asked.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Notes, Plan, askable, carry_out, pool_rows, uniform_rows
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.linear import uninformed
from moatkeeper.redteam.planes import boundary_copy
from moatkeeper.redteam.searches import Bracket, Search, bisect, ranges

WIDTH = 1e-6  # of each range: how narrow a bracket of the boundary is; smaller: more queries a column, truer weights
MOVES = (0.5, 0.1, 0.02, 0.004)  # of a range: how far a column is moved, less far where the boundary then lies out of reach


class LowdMeek:
    """Asks for decisions, whatever else the answers hold."""

    name: ClassVar[str] = "lowd-meek"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._knowledge = knowledge
        self._classes = 1 if knowledge.regression else knowledge.outputs

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The plane through the boundary points found with at most ``budget`` decisions; ``points`` is their number."""
        if self._classes < 2:
            return Loot(uninformed(1), {"points": 0.0})
        points: list[Bracket] = []
        record = carry_out(self._plan(points, rng), victim, budget, self._knowledge)
        return Loot(boundary_copy(record, points, ranges(self._knowledge)), {"points": float(len(points))})

    def _plan(self, points: list[Bracket], rng: np.random.Generator) -> Plan:
        notes = Notes(self._knowledge)
        while True:
            line = yield from self._opposites(notes, rng)
            base = yield from self._search(line, line.near, notes)
            points.append(base)
            for column in rng.permutation(self._knowledge.columns).tolist():
                found = yield from self._moved(column, base.middle, line, notes)
                if found is not None:
                    points.append(found)

    def _opposites(self, notes: Notes, rng: np.random.Generator) -> Generator[FloatArray, FloatArray, Bracket]:
        """Two rows of different labels, in turn of the thief's own and uniform ones."""
        own = iter(pool_rows(self._knowledge, rng))
        first: FloatArray | None = None
        label = -1
        while True:
            for row in (next(own, None), uniform_rows(self._knowledge, rng, 1)[0]):
                if row is None:
                    continue
                answer = yield from notes.ask(row[None])
                if first is None:
                    first, label = row, int(answer[0].argmax())
                elif int(answer[0].argmax()) != label:
                    return Bracket(first, row)

    def _moved(
        self, column: int, base: FloatArray, line: Bracket, notes: Notes
    ) -> Generator[FloatArray, FloatArray, Bracket | None]:
        """A bracket of the boundary beside a row with one column moved; None where it is out of reach."""
        knowledge = self._knowledge
        room_above = knowledge.highest[column] - base[column] > base[column] - knowledge.lowest[column]
        direction = line.far - line.near
        for move in MOVES:
            row = base.copy()
            row[column] += (1.0 if room_above else -1.0) * move * (knowledge.highest[column] - knowledge.lowest[column])
            ends = askable(knowledge, np.vstack([row - direction, row + direction]))
            answers = yield from notes.ask(ends)
            if answers[0].argmax() != answers[1].argmax():
                return (yield from self._between(Bracket(ends[0], ends[1]), int(answers[0].argmax()), notes))
        return None

    def _search(self, line: Bracket, near: FloatArray, notes: Notes) -> Search:
        label = int(notes.answers[np.flatnonzero((notes.rows == near).all(axis=1))[-1]].argmax())
        return self._between(line, label, notes)

    def _between(self, bracket: Bracket, label: int, notes: Notes) -> Search:
        width = WIDTH * ranges(self._knowledge)
        return notes.follow(bisect(self._knowledge, bracket, lambda answer: int(answer.argmax()) == label, width))
