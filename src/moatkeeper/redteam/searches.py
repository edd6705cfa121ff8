"""Line searches: between two rows that are answered differently lies a boundary, and halving finds it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import askable
from moatkeeper.redteam.knowledge import RowKnowledge


@dataclass(frozen=True, slots=True)
class Bracket:
    """Two rows (d,) on either side of a boundary: answered like the start of the search, and not."""

    near: FloatArray
    far: FloatArray

    @property
    def middle(self) -> FloatArray:
        """Where the boundary is taken to be."""
        middle: FloatArray = (self.near + self.far) / 2
        return middle


Search = Generator[FloatArray, FloatArray, Bracket]
"""A part of a plan: asks one row (1, d) at a time and comes back with a bracket."""


def bisect(knowledge: RowKnowledge, start: Bracket, alike: Callable[[FloatArray], bool], tolerance: FloatArray) -> Search:
    """A bracket at most ``tolerance`` (d,) wide in each column, or as narrow as whole columns allow.

    ``alike`` says of an answer (k,) whether it is that of ``start.near``; that of ``start.far`` is not.
    """
    bracket = start
    while np.any(np.abs(bracket.far - bracket.near) > tolerance):
        middle = askable(knowledge, bracket.middle)
        if np.array_equal(middle, bracket.near) or np.array_equal(middle, bracket.far):
            break
        answer = yield middle[None]
        bracket = Bracket(middle, bracket.far) if alike(answer[0]) else Bracket(bracket.near, middle)
    return bracket


def ranges(knowledge: RowKnowledge) -> FloatArray:
    """The width of each documented range, shape (d,); 1 for a column that never varies."""
    width = knowledge.highest - knowledge.lowest
    widths: FloatArray = np.where(width > 0, width, 1.0)
    return widths


def ends(knowledge: RowKnowledge, row: FloatArray) -> FloatArray:
    """A row with one column at an end of its range, for each column and end: shape (2d, d), all lowest ends first."""
    lines = np.tile(row, (2 * len(row), 1))
    columns = np.arange(len(row))
    lines[columns, columns] = knowledge.lowest
    lines[len(row) + columns, columns] = knowledge.highest
    return lines
