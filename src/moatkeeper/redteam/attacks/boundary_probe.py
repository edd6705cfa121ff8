"""Boundary probing: adversarial rows from decisions alone. No theft, but what a monitor of queries sees beside one.

Chen, Jordan and Wainwright 2020 (HopSkipJump), algorithm 2, untargeted, for the l2 distance. From each row of the thief's own:
halve the way to the nearest row known to be decided otherwise, estimate there the direction in which the decision changes, step
along it, and halve the way back. Deviations: distances are in deviations of each column; the first direction estimate takes
FIRST_DIRECTIONS rather than 100 questions; the way is halved to WIDTH rather than d^-1.5; columns are clipped to their ranges
and whole columns rounded. The surrogate is a linear model of what was asked, with the boundary points that were found: poor
loot, and honestly so. A regression has no decisions: nothing is asked.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Notes, Plan, askable, carry_out, pool_rows, uniform_rows
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.linear import frame_of, uninformed
from moatkeeper.redteam.planes import boundary_copy
from moatkeeper.redteam.searches import Bracket, bisect

WIDTH = 1e-3  # of a column's deviation: how close to the boundary the way is halved
FIRST_DIRECTIONS = 20  # questions for the first direction; round t takes sqrt(t) as many
ROUNDS = 5  # of stepping, a row; more: smaller changes, fewer rows
PROBE = 0.05  # of the distance to the row: how far apart the questions for a direction lie
SHRINKS = 8  # times that a step is halved which leaves the other side
SMALL = 0.25
"""Deviations a column, root mean square: a change that size counts as success, the size of one step in transfer.py."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One row (d,) and the nearest row found so far that is decided otherwise."""

    row: FloatArray
    found: FloatArray


class BoundaryProbe:
    """Probes the thief's own rows one after the other, uniform ones where he has none."""

    name: ClassVar[str] = "boundary-probe"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._knowledge = knowledge
        own = knowledge.pool if len(knowledge.pool) > 1 else np.vstack([knowledge.lowest, knowledge.highest])
        self._scale = frame_of(own).scale

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A linear copy; the findings tell of the rows ``probed`` to the end of at most ``budget`` answers.

        ``perturbation`` is the mean change in deviations a column (root mean square), ``success`` the share at most SMALL.
        """
        if self._knowledge.regression or self._knowledge.outputs == 1:
            return Loot(uninformed(1), _findings([]))
        probes: list[Probe] = []
        points: list[Bracket] = []
        record = carry_out(self._plan(probes, points, rng), victim, budget, self._knowledge)
        sizes = [self.distance(probe.row, probe.found) for probe in probes]
        return Loot(boundary_copy(record, points, self._scale), _findings(sizes))

    def distance(self, row: FloatArray, other: FloatArray) -> float:
        """The root mean square over the columns of their difference in deviations."""
        return float(np.sqrt(np.mean(((row - other) / self._scale) ** 2)))

    def _plan(self, probes: list[Probe], points: list[Bracket], rng: np.random.Generator) -> Plan:
        notes = Notes(self._knowledge)
        yield from self._first_two(notes, rng)
        while True:
            rows = pool_rows(self._knowledge, rng)
            for row in rows if len(rows) else uniform_rows(self._knowledge, rng, 1):
                label = int((yield from notes.ask(row[None]))[0].argmax())
                others = notes.rows[notes.answers.argmax(axis=1) != label]
                start = others[np.mean(((others - row) / self._scale) ** 2, axis=1).argmin()]
                found = yield from self._closer(row, start, label, notes, points)
                for turn in range(1, ROUNDS + 1):
                    found = yield from self._round(Probe(row, found), label, turn, notes, points, rng)
                probes.append(Probe(row, found))

    def _first_two(self, notes: Notes, rng: np.random.Generator) -> Plan:
        """Asks rows until two were decided differently."""
        own = iter(pool_rows(self._knowledge, rng))
        while len(np.unique(notes.answers.argmax(axis=1))) < 2:
            row = next(own, None)
            yield from notes.ask((row if row is not None else uniform_rows(self._knowledge, rng, 1)[0])[None])

    def _round(
        self, probe: Probe, label: int, turn: int, notes: Notes, points: list[Bracket], rng: np.random.Generator
    ) -> Generator[FloatArray, FloatArray, FloatArray]:
        """The nearest row on the other side after one estimate and one step; the one before where the step is no gain."""
        gap = float(np.linalg.norm((probe.found - probe.row) / self._scale))
        directions = rng.normal(size=(int(FIRST_DIRECTIONS * np.sqrt(turn)), len(probe.row)))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        questions = askable(self._knowledge, probe.found + PROBE * gap * directions * self._scale)
        answers = yield from notes.ask(questions)
        other = np.where(answers.argmax(axis=1) != label, 1.0, -1.0)
        weights = other - other.mean() if len(np.unique(other)) > 1 else other
        slope = weights @ directions
        slope /= max(float(np.linalg.norm(slope)), WIDTH)
        step = gap / np.sqrt(turn)
        for _ in range(SHRINKS):
            tried = askable(self._knowledge, probe.found + step * slope * self._scale)
            answer = yield from notes.ask(tried[None])
            if answer[0].argmax() != label:
                closer = yield from self._closer(probe.row, tried, label, notes, points)
                return min((closer, probe.found), key=lambda found: self.distance(probe.row, found))
            step /= 2
        return probe.found

    def _closer(
        self, row: FloatArray, other: FloatArray, label: int, notes: Notes, points: list[Bracket]
    ) -> Generator[FloatArray, FloatArray, FloatArray]:
        """The row just beyond the boundary on the way from another to this one."""
        start = Bracket(row, other)
        search = bisect(self._knowledge, start, lambda answer: int(answer.argmax()) == label, WIDTH * self._scale)
        bracket = yield from notes.follow(search)
        points.append(bracket)
        return bracket.far


def _findings(sizes: list[float]) -> dict[str, float]:
    if not sizes:
        return {"probed": 0.0}
    small = float(np.mean(np.array(sizes) <= SMALL))
    return {"probed": float(len(sizes)), "perturbation": float(np.mean(sizes)), "success": small}
