"""Copies of trees: the boxes that leaves were found to fill, and a tree of the thief's own for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Surrogate

SAME = 1e-9
"""Answers that differ by less come from one leaf."""


@dataclass(frozen=True, slots=True)
class Box:
    """A leaf: everywhere between ``lowest`` and ``highest`` (d,), bounds included, the model answers ``value`` (k,).

    ``row`` is where that was asked.
    """

    row: FloatArray
    lowest: FloatArray
    highest: FloatArray
    value: FloatArray

    def holds(self, rows: FloatArray) -> npt.NDArray[np.bool_]:
        """Which of the rows (n, d) lie in the box, shape (n,)."""
        inside: npt.NDArray[np.bool_] = np.all((rows >= self.lowest) & (rows <= self.highest), axis=1)
        return inside

    def without(self, other: Box) -> Box:
        """The part on this side of ``other``, of which this box wrongly holds something: cut where most of it remains.

        The box itself where its own row lies in the other, so that no cut can part them.
        """
        best, kept = self, 0.0
        for column in np.flatnonzero((self.row < other.lowest) | (self.row > other.highest)).tolist():
            below = self.row[column] < other.lowest[column]
            lowest, highest = self.lowest.copy(), self.highest.copy()
            (highest if below else lowest)[column] = (other.lowest if below else other.highest)[column]
            with np.errstate(invalid="ignore"):
                share = (highest[column] - lowest[column]) / (self.highest[column] - self.lowest[column])
            share = float(np.nan_to_num(share, nan=0.5))  # of an unbounded side nobody knows the share
            if share > kept:
                best, kept = replace(self, lowest=lowest, highest=highest), share
        return best


@dataclass(frozen=True, slots=True)
class BoxModel:
    """Answers by the latest box that holds a row, and by ``rest`` where none does."""

    boxes: tuple[Box, ...]
    rest: Surrogate

    def scores(self, rows: FloatArray) -> FloatArray:
        """Shape (n, k)."""
        found = self.rest.scores(rows)
        for box in self.boxes:
            found[box.holds(rows)] = box.value
        return found


def same(answers: FloatArray, value: FloatArray) -> npt.NDArray[np.bool_]:
    """Which answers (n, k) are that value (k,), shape (n,)."""
    alike: npt.NDArray[np.bool_] = np.all(np.abs(answers - value) < SAME, axis=1)
    return alike


def settled(boxes: Sequence[Box], rows: FloatArray) -> npt.NDArray[np.bool_]:
    """Which rows (n, d) lie in a box, and in no two boxes of different values; shape (n,)."""
    found = np.zeros(len(rows), dtype=bool)
    contested = np.zeros(len(rows), dtype=bool)
    if not boxes:
        return found
    value = np.full((len(rows), len(boxes[0].value)), np.nan)
    for box in boxes:
        inside = box.holds(rows)
        contested |= inside & found & ~same(value, box.value)
        value[inside] = box.value
        found |= inside
    return found & ~contested
