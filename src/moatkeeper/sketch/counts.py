"""Counts of what fell where: histograms, and anything else that is a tally."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moatkeeper.sketch.base import Marks, Owners, State


@dataclass(frozen=True, slots=True)
class Counts:
    """``width`` tallies an owner. Marks are positions of shape (n, t), t of them a row; a negative position counts nothing."""

    width: int

    def empty(self, owners: int) -> State:
        """All tallies 0, shape (owners, width)."""
        return np.zeros((owners, self.width), dtype=np.int32)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Counts each position once for its owner."""
        rows = np.repeat(owners, marks.shape[1])
        positions = marks.reshape(-1)
        known = (positions >= 0) & (positions < self.width)
        np.add.at(state, (rows[known], positions[known]), 1)

    def merge(self, first: State, second: State) -> State:
        """The tallies of both."""
        merged: State = first + second
        return merged
