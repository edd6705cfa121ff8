"""Boundary walks: small steps that cross the decision boundary, again and again.

A search along the boundary changes a row a little and looks whether the answer changes. So the same part of a row comes back
with another answer. Halves of rows are counted twice, alone and together with the class they got: what is counted more often
together is a half that was answered in different ways. Customers who try what would change an answer do that too, about few
rows; copying a boundary needs many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.hashing import HashArray, mixed
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.mixing import subset_hashes

HALVES = 2  # of the coordinates; larger: sees changes of more columns at once, more memory
SIZE = 1_024  # bits of a map; larger: exact for longer, more memory
MAPS = Bits(2 * HALVES, SIZE)
_SEED = 23
_POSITIVE = np.uint64(0x7FFFFFFFFFFFFFFF)


@packable
@dataclass(frozen=True, slots=True)
class FittedBoundaryWalk:
    """Which coordinates each half holds, shape (HALVES, c)."""

    halves: npt.NDArray[np.bool_]

    def sketches(self) -> Mapping[str, Sketch]:
        """Bitmaps of halves, alone and with the class that was answered."""
        return {"seen": MAPS}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The hashes of each row's halves, alone and with its class."""
        alone = subset_hashes(rows.codes.astype(np.int64), self.halves)
        answered = np.where(rows.labels[:, None] < 0, -1, _with(alone, rows.labels))
        return {"seen": np.concatenate([np.where(rows.labels[:, None] < 0, -1, alone), answered], axis=1)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The halves that were answered in different ways, a row, in [0, 1]."""
        distinct = np.minimum(MAPS.distinct(states["seen"]), counts[:, None])
        crossed = (distinct[:, HALVES:] - distinct[:, :HALVES]).mean(axis=1)
        return np.asarray(np.maximum(crossed, 0.0) / np.maximum(counts, 1), dtype=np.float64)

    def explain(self, states: States, counts: IntArray) -> str:
        """How often the answer changed between near rows."""
        crossed = self.read(states, counts)[0] * counts[0]
        return f"about {crossed:.0f} times among {counts[0]} rows, a small change of a row changed the answer"


@dataclass(frozen=True, slots=True)
class BoundaryWalk:
    """The detector, before it knows a model."""

    name: str = "boundary-walk"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "changes rows a little until the answer changes, as a search along the decision boundary does"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where there are no classes, or only one coordinate."""
        width = rows.codes.shape[1]
        if width < 2 or not (rows.labels >= 0).any():
            return None
        rng = np.random.default_rng(_SEED)
        halves = np.zeros((HALVES, width), dtype=bool)
        for half in halves:
            half[rng.permutation(width)[: max(1, width // 2)]] = True
        return FittedBoundaryWalk(halves)


def _with(hashes: HashArray, labels: IntArray) -> HashArray:
    together = mixed(hashes.astype(np.uint64) + mixed(labels.astype(np.uint64) + np.uint64(1))[:, None])
    return (together & _POSITIVE).astype(np.int64)
