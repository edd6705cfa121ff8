"""Path finding: line searches along every column find the box of each leaf of a decision tree, and lead to the next leaf.

Tramèr et al. 2016, section 4.2, algorithm 1; the leaf is told by its value. Deviations: a threshold that was found for one
leaf is tried first for the next, since leaves share them, which saves most of a search; both ends of all columns are asked in
one batch; rows that no box holds, or two boxes with different values, are found offline and explored next; and once every box
is found the rest of the budget narrows the thresholds. Whole columns are searched in whole numbers. Where the budget ends
first, a tree fitted to all that was asked answers outside the boxes. Trees of any kind of answer fall to it, regressions too;
it fails where every answer is new, by noise, or where leaves share few values: see attacks/paths_labels.py for labels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Plan, carry_out, pool_rows, uniform_rows
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.boxes import Box, BoxModel, same, settled
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.learners import fit_tree
from moatkeeper.redteam.searches import Bracket, Search, bisect, ends, ranges

WIDTH = 1e-3  # of a column's range: how well a threshold is found at first; smaller: more queries a leaf, a closer copy
FINER = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)  # how well thresholds are found once all boxes are known, round by round
SAMPLES = 2_000  # uniform rows that are looked at for one that no box holds; more: smaller leaves are found


BoxSearch = Generator[FloatArray, FloatArray, Box]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a column parts two leaves: a bracket of rows that differ in it alone, and the answer on its near side."""

    bracket: Bracket
    value: FloatArray


class Paths:
    """Tells leaves apart by the whole answer."""

    name: ClassVar[str] = "paths"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The boxes found with at most ``budget`` answers, and a tree for the rest; ``leaves`` is the number of boxes."""
        search = PathSearch(self._knowledge)
        record = carry_out(search.plan(rng), victim, budget, self._knowledge)
        copy = BoxModel(tuple(search.boxes), fit_tree(record.rows, record.answers))
        return Loot(copy, {"leaves": float(len(search.boxes))})


Naming = Callable[[FloatArray], FloatArray]
"""What tells leaves apart in answers (n, k): shape (n, j)."""


def whole_answer(answers: FloatArray) -> FloatArray:
    """The answers themselves."""
    return answers


class PathSearch:
    """One search: what it has found so far is in ``boxes``."""

    def __init__(self, knowledge: RowKnowledge, naming: Naming = whole_answer) -> None:
        self.boxes: list[Box] = []
        self._naming = naming
        self._knowledge = knowledge
        self._ranges = ranges(knowledge)
        self._thresholds: list[list[Threshold]] = [[] for _ in range(knowledge.columns)]

    def plan(self, rng: np.random.Generator) -> Plan:
        """Explores until every sampled row is settled, then narrows the thresholds."""
        own = pool_rows(self._knowledge, rng)
        queue = deque([own[0] if len(own) else uniform_rows(self._knowledge, rng, 1)[0]])
        while queue:
            row = queue.popleft()
            if not settled(self.boxes, row[None])[0]:
                yield from self._explore(row, queue)
            if not queue:
                sample = np.concatenate([own, uniform_rows(self._knowledge, rng, SAMPLES)])
                queue.extend(sample[~settled(self.boxes, sample)][:1])
        for width in FINER:
            yield from self._narrow(width)

    def _explore(self, row: FloatArray, queue: deque[FloatArray]) -> Plan:
        value = self._naming((yield row[None]))[0]
        known = [box for box in self.boxes if box.holds(row[None])[0] and same(value[None], box.value)[0]]
        box = known[-1] if known else (yield from self.box(row, value, queue))
        mended = [one if _agrees(one, box, row) else one.without(box) for one in self.boxes if one is not box]
        self.boxes[:] = [*mended, box]

    def box(self, row: FloatArray, value: FloatArray, queue: deque[FloatArray]) -> BoxSearch:
        """The box around a row whose name is known; the rows just beyond its faces are put into the queue."""
        lines = ends(self._knowledge, row)
        answers = self._naming((yield lines))
        lowest, highest = np.full(len(row), -np.inf), np.full(len(row), np.inf)
        for index in np.flatnonzero(~same(answers, value)).tolist():
            column = index % len(row)
            bracket = yield from self._threshold(column, Bracket(row, lines[index]), value)
            queue.extend([bracket.far, lines[index]])
            (lowest if index < len(row) else highest)[column] = bracket.middle[column]
        return Box(row, lowest, highest, value)

    def part(self, start: Bracket, value: FloatArray, order: npt.NDArray[np.intp]) -> Search:
        """A threshold that parts two rows of different names: their columns are exchanged one by one in an order, halving."""
        kept, changed = 0, len(order)
        while changed - kept > 1:
            middle = (kept + changed) // 2
            alike = same(self._naming((yield _crossed(start, order[:middle])[None])), value)[0]
            kept, changed = (middle, changed) if alike else (kept, middle)
        line = Bracket(_crossed(start, order[:kept]), _crossed(start, order[:changed]))
        return (yield from self._threshold(int(order[kept]), line, value))

    def _threshold(self, column: int, start: Bracket, value: FloatArray) -> Search:
        """Where the value changes between two rows that differ in one column; known thresholds are tried first."""
        bracket = start
        while True:
            low, high = sorted((bracket.near[column], bracket.far[column]))
            found = [one.bracket for one in self._thresholds[column] if low <= _low(one, column) and _high(one, column) <= high]
            if not found:
                break
            tried = _moved(bracket, column, found[len(found) // 2])
            if np.array_equal(tried.near, bracket.near) and np.array_equal(tried.far, bracket.far):
                return bracket
            alike = same(self._naming((yield np.vstack([tried.near, tried.far]))), value)
            if alike[0] and not alike[1]:
                return tried
            bracket = Bracket(tried.far, bracket.far) if alike[0] else Bracket(bracket.near, tried.near)
        narrow = yield from self._bisect(bracket, value, WIDTH)
        self._thresholds[column].append(Threshold(narrow, value))
        self._thresholds[column].sort(key=lambda one: float(one.bracket.middle[column]))
        return narrow

    def _bisect(self, bracket: Bracket, value: FloatArray, width: float) -> Search:
        def alike(answer: FloatArray) -> bool:
            return bool(same(self._naming(answer[None]), value)[0])

        return bisect(self._knowledge, bracket, alike, width * self._ranges)

    def _narrow(self, width: float) -> Plan:
        """Finds every threshold again, more closely, and moves the faces of the boxes that rest on it."""
        for column, thresholds in enumerate(self._thresholds):
            for index, threshold in enumerate(thresholds):
                narrow = yield from self._bisect(threshold.bracket, threshold.value, width)
                old, new = threshold.bracket.middle[column], narrow.middle[column]
                self.boxes[:] = [_with_face(box, column, float(old), float(new)) for box in self.boxes]
                thresholds[index] = replace(threshold, bracket=narrow)


def _crossed(start: Bracket, columns: npt.NDArray[np.intp]) -> FloatArray:
    """The near row with some columns of the far one."""
    row = start.near.copy()
    row[columns] = start.far[columns]
    return row


def _agrees(one: Box, other: Box, row: FloatArray) -> bool:
    return bool(same(one.value[None], other.value)[0]) or not bool(one.holds(row[None])[0])


def _low(threshold: Threshold, column: int) -> float:
    return float(min(threshold.bracket.near[column], threshold.bracket.far[column]))


def _high(threshold: Threshold, column: int) -> float:
    return float(max(threshold.bracket.near[column], threshold.bracket.far[column]))


def _moved(line: Bracket, column: int, known: Bracket) -> Bracket:
    """The known bracket's values of one column on another line, turned to look the same way as it."""
    values = sorted((known.near[column], known.far[column]), reverse=bool(line.far[column] < line.near[column]))
    near, far = line.near.copy(), line.near.copy()
    near[column], far[column] = values
    return Bracket(near, far)


def _with_face(box: Box, column: int, old: float, new: float) -> Box:
    """The box with the face at ``old`` moved to ``new``."""
    lowest, highest = box.lowest.copy(), box.highest.copy()
    lowest[column] = new if lowest[column] == old else lowest[column]
    highest[column] = new if highest[column] == old else highest[column]
    return replace(box, lowest=lowest, highest=highest)
