"""Near-duplicates: rows that are almost an earlier row of the same account but not quite.

Line searches, Jacobian steps and sweeps move one input a little at a time. Distinct rows are counted exactly and by random
halves of their coordinates: whoever repeats himself repeats both, whoever varies repeats the halves only. In bitmaps,
it does not matter in which order or where the rows came in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.mixing import subset_hashes

HALVES = 5  # random halves of the coordinates; larger: finds variations of more columns at once, more memory
SIZE = 2_048  # bits of a map; larger: exact for longer, more memory
MAPS = Bits(HALVES + 1, SIZE)
_SEED = 11


@packable
@dataclass(frozen=True, slots=True)
class FittedNearDuplicates:
    """Which coordinates each half holds, shape (HALVES, c)."""

    halves: npt.NDArray[np.bool_]

    def sketches(self) -> Mapping[str, Sketch]:
        """Bitmaps: one of whole rows, the others of halves."""
        return {"seen": MAPS}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The hash of each row, and of each of its halves."""
        parts = subset_hashes(rows.codes.astype(np.int64), self.halves)
        return {"seen": np.concatenate([rows.exact[:, None], parts], axis=1)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The share of rows that vary an earlier one, in [0, 1]."""
        distinct = np.minimum(MAPS.distinct(states["seen"]), counts[:, None])
        varied = distinct[:, 0] - distinct[:, 1:].mean(axis=1)
        return np.asarray(varied / np.maximum(counts, 1), dtype=np.float64)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many distinct rows share how few halves."""
        distinct = np.minimum(MAPS.distinct(states["seen"]), counts[:, None])[0]
        return f"{distinct[0]:.0f} distinct rows have only {distinct[1:].mean():.0f} distinct halves: small steps around few"


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """The detector, before it knows a model."""

    name: str = "near-duplicates"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "varies the same few rows in small steps, as a search along the decision boundary does"

    def fit(self, rows: Rows) -> Fitted | None:
        """None for rows of a single coordinate, of which there are no halves."""
        width = rows.codes.shape[1]
        if width < 2:
            return None
        rng = np.random.default_rng(_SEED)
        halves = np.zeros((HALVES, width), dtype=bool)
        for half in halves:
            half[rng.permutation(width)[: max(1, width // 2)]] = True
        return FittedNearDuplicates(halves)
