"""The largest of what was seen: registers that count distinct things, and signatures that compare sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moatkeeper.sketch.base import Marks, Owners, State


@dataclass(frozen=True, slots=True)
class Largest:
    """``width`` maxima an owner. Marks have shape (n, width), whole numbers from 0 up to 2^32 - 1; 0 says nothing."""

    width: int

    def empty(self, owners: int) -> State:
        """All 0, shape (owners, width)."""
        return np.zeros((owners, self.width), dtype=np.uint32)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Keeps the larger, place by place."""
        np.maximum.at(state, owners, marks.astype(np.uint32))

    def merge(self, first: State, second: State) -> State:
        """The larger of both, place by place."""
        return np.maximum(first, second)
