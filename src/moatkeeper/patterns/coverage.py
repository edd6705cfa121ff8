"""Coverage: how much of the space an account has visited with so many rows.

The space is cut by random hyperplanes into a few thousand cells, several times over, and a bitmap holds which of them were
visited. A caller who explores, or who takes care never to ask the same thing twice, visits more cells than a customer does
with as many rows. Where the model answers with embeddings, it is their space that is cut (Dubinski et al. 2023, "Bucks for
Buckets", section 3; they cut once, into cells of 12 planes through the origin; here the planes go through the honest middle
and the cut is made several times).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.complete import complete, ordinary_gaps
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.bits import Bits

CUTS = 3  # times that the space is cut; larger: a steadier number, more memory
PLANES = 11  # of one cut; larger: smaller cells, which tell more rows apart
MAPS = Bits(CUTS, 1 << PLANES)
EMBEDDING = 32
"""Numbers an answer must at least have, some of them negative, to count as an embedding."""
SEEN = 8_000
"""Honest rows that the cuts are made with."""
_SEED = 17
_POWERS = 1 << np.arange(PLANES)


@packable
@dataclass(frozen=True, slots=True)
class FittedCoverage:
    """Hyperplanes, shape (c, CUTS * PLANES), where each lies, shape (CUTS * PLANES,), and whether answers are what is cut.

    ``gaps`` are the columns, shape (c,), that honest rows leave empty now and then.
    """

    planes: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.float32]
    answers: bool
    gaps: npt.NDArray[np.bool_]

    def sketches(self) -> Mapping[str, Sketch]:
        """Bitmaps of the visited cells, one a cut."""
        return {"visited": MAPS}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The cell of each row in each cut; -1 where the answer is missing, or the row has no proper place."""
        space = _space(rows, self.answers)
        if space is None or space.shape[1] != len(self.planes):
            return {"visited": np.full((len(rows), CUTS), -1, dtype=np.int64)}
        known = np.isfinite(space.sum(axis=1)) & (self.answers | complete(rows, self.gaps))
        heights = np.where(known[:, None], space, 0.0).astype(np.float32) @ self.planes - self.offsets
        cells = (heights > 0).reshape(len(rows), CUTS, PLANES) @ _POWERS
        return {"visited": np.where(known[:, None], cells, -1)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """Cells visited, as a share of the rows, in [0, 1]; NaN without rows."""
        visited = MAPS.visited(states["visited"]).mean(axis=1)
        return np.where(visited > 0, visited / np.maximum(counts, 1), np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many cells were visited with how many rows."""
        visited = MAPS.visited(states["visited"])[0].mean()
        return f"{int(counts[0])} rows have visited {visited:.0f} of {MAPS.size} cells of the space"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The detector, before it knows a model."""

    name: str = "coverage"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "visits more of the space with as many rows than customers do"

    def fit(self, rows: Rows) -> Fitted | None:
        """None for rows without coordinates."""
        scores = rows.batch.scores
        answers = scores is not None and scores.ndim == 2 and scores.shape[1] >= EMBEDDING and bool((scores < 0).any())
        space = _space(rows, answers)
        if space is None or not space.shape[1]:
            return None
        known = np.flatnonzero(np.isfinite(space.sum(axis=1)))
        if len(known) < 2:
            return None
        rng = np.random.default_rng(_SEED)
        some = space[rng.permutation(known)[:SEEN]].astype(np.float32)
        planes = rng.standard_normal((space.shape[1], CUTS * PLANES)).astype(np.float32)
        # Through the median: each plane halves honest rows, so that no cell is wasted.
        return FittedCoverage(planes, np.median(some @ planes, axis=0).astype(np.float32), answers, ordinary_gaps(rows))


def _space(rows: Rows, answers: bool) -> FloatArray | npt.NDArray[np.float32] | None:
    return rows.batch.scores if answers else rows.points
