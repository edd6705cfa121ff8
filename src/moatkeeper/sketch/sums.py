"""Sums of real numbers that are the same in whatever order they are added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.scatter import pieces, scatter_rows

UNIT = 2.0**-20
"""What is counted: about a millionth, far below what any reading can tell apart."""
MOST = 2.0**20
"""The largest absolute value one mark may add; with it, eight million marks cannot overflow."""


@dataclass(frozen=True, slots=True)
class Sums:
    """``width`` sums an owner. Marks have shape (n, width); NaN adds nothing, and values are held to within MOST."""

    width: int

    def empty(self, owners: int) -> State:
        """All sums 0, shape (owners, width), whole numbers of UNIT."""
        return np.zeros((owners, self.width), dtype=np.int64)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Adds each row of marks to its owner's sums."""
        for piece in pieces(len(marks), self.width):
            units = np.rint(np.clip(marks[piece], -MOST, MOST) / UNIT)
            np.copyto(units, 0.0, where=np.isnan(units))
            scatter_rows(np.add, state, owners[piece], units.astype(np.int64))

    def merge(self, first: State, second: State) -> State:
        """The sums of both."""
        merged: State = first + second
        return merged

    @staticmethod
    def values(state: State) -> npt.NDArray[np.float64]:
        """The sums as floats, shape (owners, width)."""
        return np.asarray(state, dtype=np.float64) * UNIT
