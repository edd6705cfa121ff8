"""Counts of what fell where: histograms, and anything else that is a tally."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.scatter import scatter

_ONE = np.int32(1)


@dataclass(frozen=True, slots=True)
class Counts:
    """``width`` tallies an owner. Marks are positions of shape (n, t), t a row; one outside [0, width) counts nothing."""

    width: int

    def empty(self, owners: int) -> State:
        """All tallies 0, shape (owners, width)."""
        return np.zeros((owners, self.width), dtype=np.int32)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Counts each position once for its owner."""
        known = (marks >= 0) & (marks < self.width)
        places = owners[:, None] * self.width + marks
        scatter(np.add, state, places[known], _ONE)

    def merge(self, first: State, second: State) -> State:
        """The tallies of both."""
        merged: State = first + second
        return merged
