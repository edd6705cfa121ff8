"""Which of a known set of places were visited: how much of it an owner covers, and what two owners have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.bits import BYTE
from moatkeeper.sketch.scatter import scatter


@dataclass(frozen=True, slots=True)
class Coverage:
    """One bit for each of ``places``. Marks are places of shape (n, t), t a row; one outside [0, places) sets nothing."""

    places: int

    def empty(self, owners: int) -> State:
        """Nothing visited, shape (owners, bytes)."""
        return np.zeros((owners, -(-self.places // BYTE)), dtype=np.uint8)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Sets the bit of each place."""
        known = (marks >= 0) & (marks < self.places)
        flat = (owners[:, None] * state.shape[1] + marks // BYTE)[known]
        scatter(np.bitwise_or, state, flat, np.left_shift(1, marks[known] % BYTE).astype(np.uint8))

    def merge(self, first: State, second: State) -> State:
        """What either visited."""
        merged: State = first | second
        return merged

    def visited(self, state: State) -> npt.NDArray[np.int64]:
        """How many places were visited, shape (owners,)."""
        return np.asarray(np.bitwise_count(state).sum(axis=1), dtype=np.int64)

    def share(self, state: State) -> npt.NDArray[np.float64]:
        """How much of all was visited, in [0, 1], shape (owners,)."""
        return self.visited(state) / self.places

    def overlap(self, first: State, second: State) -> npt.NDArray[np.float64]:
        """Of what either visited the share that both did, shape (owners,): 0 where they divided the work, NaN for nothing."""
        either = self.visited(first | second)
        return np.where(either > 0, self.visited(first & second) / np.maximum(either, 1), np.nan)
