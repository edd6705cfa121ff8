"""Near-duplicates: rows that are almost an earlier row of the same account but not quite.

Line searches, Jacobian steps and sweeps move a row by very little. Distinct rows are counted, and the distinct small cells
that they fall into: whoever repeats himself repeats both, whoever moves a little repeats the cells only. In bitmaps, so that
it does not matter in which order or where the rows came in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.small_cells import SmallCells
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.bits import Bits

TABLES = 3  # of cells; larger: less chance in where they are cut, more memory
WIDTH = 2.0**-5
"""Of a step, in deviations. The finest of widths from 1 to 1/32 found most: who changes a field moves farther."""
SIZE = 2_048  # bits of a map; larger: exact for longer, more memory
MAPS = Bits(TABLES + 1, SIZE)
DECIMALS = 6  # of a reading: what lies behind is the rounding of sums
_SEED = 11


@packable
@dataclass(frozen=True, slots=True)
class FittedNearDuplicates:
    """Where the cells are cut."""

    cells: SmallCells

    def sketches(self) -> Mapping[str, Sketch]:
        """Bitmaps: one of whole rows, the others of cells."""
        return {"seen": MAPS}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The hash of each row, and of each of its cells."""
        return {"seen": np.concatenate([rows.exact[:, None], self.cells.of(rows.points)], axis=1)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The share of rows that are beside an earlier one, in [0, 1]."""
        distinct = np.minimum(MAPS.distinct(states["seen"]), counts[:, None])
        beside = np.maximum(distinct[:, 0] - distinct[:, 1:].mean(axis=1), 0.0)
        return np.asarray(np.round(beside / np.maximum(counts, 1), DECIMALS), dtype=np.float64)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many distinct rows share how few cells."""
        distinct = np.minimum(MAPS.distinct(states["seen"]), counts[:, None])[0]
        return f"{distinct[0]:.0f} distinct rows lie in only {distinct[1:].mean():.0f} distinct places: small steps around few"


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """The detector, before it knows a model."""

    name: str = "near-duplicates"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "varies the same few rows in small steps, as a search along the decision boundary does"

    def fit(self, rows: Rows) -> Fitted | None:
        """Always something."""
        return FittedNearDuplicates(SmallCells.draw(rows.points.shape[1], TABLES, WIDTH, _SEED))
