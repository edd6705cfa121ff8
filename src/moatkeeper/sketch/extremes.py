"""The largest of what was seen: registers that count distinct things, and signatures that compare sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.scatter import scatter_rows

LARGEST = 2**32 - 1
"""Marks above it count as it."""


@dataclass(frozen=True, slots=True)
class Largest:
    """``width`` maxima an owner. Marks have shape (n, width), whole numbers of which 0 and less say nothing."""

    width: int

    def empty(self, owners: int) -> State:
        """All 0, shape (owners, width)."""
        return np.zeros((owners, self.width), dtype=np.uint32)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Keeps the larger, place by place."""
        held = marks if marks.dtype == np.uint32 else np.clip(marks, 0, LARGEST).astype(np.uint32)
        scatter_rows(np.maximum, state, owners, held)

    def merge(self, first: State, second: State) -> State:
        """The larger of both, place by place."""
        return np.maximum(first, second)
