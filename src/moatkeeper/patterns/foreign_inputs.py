"""Foreign inputs: images and embeddings that the main axes of honest ones cannot express, or express too well.

Noise, images of another kind and adversarial steps lie off the axes along which honest inputs differ; blurred, blank and
averaged ones lie nearer to them than real ones do. What the axes leave out of an input is compared within its region, on both
sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.ordinary import Ordinary
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts


@packable
@dataclass(frozen=True, slots=True)
class FittedForeignInputs:
    """How much the axes leave out of honest inputs by region, from below and from above, and how accounts differ in that."""

    near: Ordinary
    far: Ordinary
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value; none where nothing was projected."""
        if rows.rest is None:
            return {"tallies": np.full((len(rows), 1), -1)}
        return {"tallies": Tails.marks(_p_values(self.near, self.far, rows.rest, rows.cells))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of foreign inputs in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"])

    def explain(self, states: States, counts: IntArray) -> str:
        """How many inputs were foreign."""
        return self.tails.explain(states["tallies"], "are unlike real ones in what they are made of")


@dataclass(frozen=True, slots=True)
class ForeignInputs:
    """The detector, before it knows a model."""

    name: str = "foreign-inputs"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "sends images or embeddings that are not of the kind that customers send: noise, another kind, altered ones"

    def fit(self, rows: Rows) -> Fitted | None:
        """None for tables and texts, which are not projected on axes of their own."""
        if rows.rest is None:
            return None
        near, far = (Ordinary.fit(sign * rows.rest, rows.cells, rows.cell_count) for sign in (1.0, -1.0))
        return FittedForeignInputs(near, far, Tails.fit(_p_values(near, far, rows.rest, rows.cells), rows.batch.accounts))


def _p_values(near: Ordinary, far: Ordinary, rest: FloatArray, cells: IntArray) -> FloatArray:
    either = np.minimum(near.p_values(rest, cells), far.p_values(-rest, cells))
    return np.asarray(np.minimum(2 * either, 1.0), dtype=np.float64)
