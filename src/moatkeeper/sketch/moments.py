"""Mean and variance: counts, sums and sums of squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.scatter import pieces, scatter_rows
from moatkeeper.sketch.sums import UNIT

FARTHEST = 2.0**10
"""The largest absolute value a mark may have: its square is the largest that Sums may add. Standardise what is larger."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of ``width`` values an owner. Marks have shape (n, width); NaN adds nothing, others are held to FARTHEST."""

    width: int

    def empty(self, owners: int) -> State:
        """All 0, shape (owners, 3 width): how many, their sums, the sums of their squares."""
        return np.zeros((owners, 3 * self.width), dtype=np.int64)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Adds each row of marks to its owner's moments."""
        for piece in pieces(len(marks), 3 * self.width):
            plain = np.clip(marks[piece], -FARTHEST, FARTHEST)
            known = ~np.isnan(plain)
            np.copyto(plain, 0.0, where=~known)
            added = np.concatenate([known, np.rint(plain / UNIT), np.rint(plain * plain / UNIT)], axis=1)
            scatter_rows(np.add, state, owners[piece], added.astype(np.int64))

    def merge(self, first: State, second: State) -> State:
        """The moments of both."""
        merged: State = first + second
        return merged

    def count(self, state: State) -> npt.NDArray[np.int64]:
        """How many values were seen, shape (owners, width)."""
        return np.asarray(state[:, : self.width], dtype=np.int64)

    def mean(self, state: State) -> npt.NDArray[np.float64]:
        """The means, shape (owners, width); NaN where nothing was seen."""
        count = self.count(state)
        sums = state[:, self.width : 2 * self.width] * UNIT
        return np.where(count > 0, sums / np.maximum(count, 1), np.nan)

    def variance(self, state: State) -> npt.NDArray[np.float64]:
        """The unbiased variances, shape (owners, width), off by at most UNIT or so; NaN below two values."""
        count = self.count(state)
        squares = state[:, 2 * self.width :] * UNIT
        spread = squares - count * np.nan_to_num(self.mean(state)) ** 2
        return np.where(count > 1, np.maximum(spread, 0.0) / np.maximum(count - 1, 1), np.nan)
