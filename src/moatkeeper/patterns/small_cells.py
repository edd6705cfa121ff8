"""Small cells: rows that lie beside each other in all coordinates at once fall into the same small cell.

Locality-sensitive hashing of Datar, Immorlica, Indyk and Mirrokni 2004: random directions, each cut into steps. A row moved a
little in every column stays in its cell. A row of which one column is another leaves it: a customer's what-ifs are no
near-duplicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.hashing import HashArray
from moatkeeper.patterns.packing import packable
from moatkeeper.sketch.mixing import subset_hashes

DIRECTIONS = 8
"""Of a table of cells; larger: fewer rows share a cell by chance, and fewer small steps stay in one."""
POINT_STEP, DIRECTION_STEP = 2.0**-10, 2.0**-6
"""What points and directions are whole multiples of: sums of their products are exact, whatever order they are added in."""


@packable
@dataclass(frozen=True, slots=True)
class SmallCells:
    """``directions`` (c, tables * DIRECTIONS) in steps, ``offsets`` (tables * DIRECTIONS,), and the ``width`` of a step.

    ``width`` is in deviations of a column; larger: larger steps stay in their cell, and so do more honest neighbours.
    """

    directions: npt.NDArray[np.float32]
    offsets: FloatArray
    width: float

    @classmethod
    def draw(cls, coordinates: int, tables: int, width: float, seed: int) -> Self:
        """Random directions for points of so many coordinates."""
        rng = np.random.default_rng(seed)
        directions = rng.normal(size=(coordinates, tables * DIRECTIONS))
        directions /= np.linalg.norm(directions, axis=0)
        offsets = rng.random(tables * DIRECTIONS) * width
        return cls(np.rint(directions / DIRECTION_STEP).astype(np.float32), offsets, width)

    @property
    def tables(self) -> int:
        """How many cells a row has."""
        return len(self.offsets) // DIRECTIONS

    def of(self, points: npt.NDArray[np.float32]) -> HashArray:
        """The cells of each point, shape (n, c) -> (n, tables)."""
        steps = np.rint(points / np.float32(POINT_STEP)) @ self.directions
        places = np.floor((steps * (POINT_STEP * DIRECTION_STEP) + self.offsets) / self.width).astype(np.int64)
        return subset_hashes(places, np.arange(len(self.offsets)) // DIRECTIONS == np.arange(self.tables)[:, None])
