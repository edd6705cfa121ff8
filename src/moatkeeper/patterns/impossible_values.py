"""Impossible values: categories that never occur, fractions where all is whole, numbers beyond all bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

NONE, ONE, MORE = 0, 1, 2  # odd values in a row
_PRIOR_ROWS = 4.0
"""Honest rows that every account is lent: one odd value in one row is no pattern. Larger: later, surer."""


@packable
@dataclass(frozen=True, slots=True)
class FittedImpossibleValues:
    """The share of honest rows with one odd value and with more, and which columns count (c,): odd ones are rare in them."""

    share: FloatArray

    def sketches(self) -> Mapping[str, Sketch]:
        """Rows by their number of odd values."""
        return {"odd": Counts(MORE + 1)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """None, one or more."""
        return {"odd": np.minimum(rows.odd.sum(axis=1), MORE)[:, None]}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The logarithm of how often odd rows occur compared with honest ones; NaN without rows."""
        odd = states["odd"].astype(np.float64)
        rows = odd.sum(axis=1)
        weighed = odd[:, ONE] + 2 * odd[:, MORE]
        usual = self.share[0] + 2 * self.share[1]
        readings = np.log((weighed + _PRIOR_ROWS * usual) / ((rows + _PRIOR_ROWS) * usual))
        return np.where(rows > 0, readings, np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many rows hold such values."""
        odd = states["odd"][0]
        usual = self.share.sum() * odd.sum()
        return f"{odd[ONE] + odd[MORE]} of {odd.sum()} rows hold values that cannot occur; honest customers send {usual:.2g}"


@dataclass(frozen=True, slots=True)
class ImpossibleValues:
    """The detector, before it knows a model."""

    name: str = "impossible-values"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "sends values that cannot occur: unknown categories, fractions of whole numbers, numbers out of all bounds"

    def fit(self, rows: Rows) -> Fitted | None:
        """Always something: honest rows have few odd values, by how the encoder was fitted."""
        odd = np.minimum(rows.odd.sum(axis=1), MORE)
        shares = np.array([np.count_nonzero(odd == ONE), np.count_nonzero(odd == MORE)]) + 0.5
        return FittedImpossibleValues(shares / (len(odd) + 1))
