"""Regions of the input space: a few cells, so that rows are compared with rows of their own neighbourhood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable

ROUNDS = 12
"""Of Lloyd's algorithm; the cells need not be the best ones, only fixed."""
SEEN = 8_000
"""Rows that the centres are found with."""


@packable
@dataclass(frozen=True, slots=True)
class Regions:
    """Nearest-centre cells; ``centres`` has shape (k, c)."""

    centres: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, points: npt.NDArray[np.float32], count: int, rng: np.random.Generator) -> Self:
        """At most ``count`` cells by k-means on some of the points, shape (n, c)."""
        some = points[rng.permutation(len(points))[:SEEN]]
        centres = np.unique(some[: 4 * count], axis=0)
        centres = centres[rng.permutation(len(centres))[:count]]
        for _ in range(ROUNDS):
            cells = cls(centres).of(some)
            sums = np.zeros(centres.shape, dtype=np.float64)
            np.add.at(sums, cells, some)
            sizes = np.bincount(cells, minlength=len(centres))
            centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres).astype(np.float32)
        return cls(centres)

    @property
    def count(self) -> int:
        """k."""
        return len(self.centres)

    def of(self, points: npt.NDArray[np.float32]) -> IntArray:
        """The cell of each point, shape (n,)."""
        half = 0.5 * np.einsum("kc,kc->k", self.centres, self.centres)
        return np.asarray(np.argmax(points @ self.centres.T - half, axis=1), dtype=np.int64)
