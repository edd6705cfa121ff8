"""Impossible values: categories that never occur, fractions where all is whole, numbers beyond all bounds.

What is made up is impossible in many ways. A customer with a new product, a new unit or a broken export is odd too, in the
same column always: of rows with a single odd value, those of the column that has most are therefore forgiven, and so is one
row.
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
from moatkeeper.sketch.base import Marks, Sketch, State
from moatkeeper.sketch.counts import Counts

COLUMNS = 64
"""Columns that are told apart; more share places."""
NONE, MORE = 0, COLUMNS + 1
"""Places of rows without an odd value and with several; those between are of rows whose only one is in that column."""
FORGIVEN = 1
"""Rows with several odd values that say nothing yet; larger: later, surer."""
_PRIOR_ROWS = 4.0
"""Honest rows that every account is lent: an odd row in a few is no pattern. Larger: later, surer."""


@packable
@dataclass(frozen=True, slots=True)
class FittedImpossibleValues:
    """The share of honest rows with one odd value and with more, (2,)."""

    share: FloatArray

    def sketches(self) -> Mapping[str, Sketch]:
        """Rows by their odd values."""
        return {"odd": Counts(MORE + 1)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """None, which one, or several."""
        found = rows.odd.sum(axis=1)
        alone = 1 + np.argmax(rows.odd, axis=1) % COLUMNS
        return {"odd": np.where(found > 1, MORE, np.where(found == 1, alone, NONE))[:, None]}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The logarithm of how often odd rows occur compared with honest ones, 0 at least; NaN without rows."""
        rows = states["odd"].sum(axis=1)
        alone, several = _telling(states["odd"])
        usual = self.share[0] + 2 * self.share[1]
        often = (alone + 2 * several + _PRIOR_ROWS * usual) / ((rows + _PRIOR_ROWS) * usual)
        return np.where(rows > 0, np.log(np.maximum(often, 1.0)), np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many rows hold such values."""
        odd = states["odd"]
        rows, found = int(odd.sum()), int(odd[:, NONE + 1 :].sum())
        return (
            f"{found} of {rows} rows hold values that cannot occur, {int(odd[0, MORE])} of them several; "
            f"of as many rows of honest customers {self.share.sum() * rows:.2g} would"
        )


@dataclass(frozen=True, slots=True)
class ImpossibleValues:
    """The detector, before it knows a model."""

    name: str = "impossible-values"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "sends values that cannot occur: unknown categories, fractions of whole numbers, numbers out of all bounds"

    def fit(self, rows: Rows) -> Fitted | None:
        """None for texts: honest rows of numbers have few odd values, by how the encoder was fitted."""
        if rows.batch.inputs is None:
            return None
        odd = rows.odd.sum(axis=1)
        shares = np.array([np.count_nonzero(odd == 1), np.count_nonzero(odd > 1)]) + 0.5
        return FittedImpossibleValues(shares / (len(odd) + 1))


def _telling(odd: State) -> tuple[FloatArray, FloatArray]:
    """The rows of each account with one odd value, and with several, without those that are forgiven; (accounts,) each."""
    alone = odd[:, NONE + 1 : MORE].astype(np.float64)
    several = np.maximum(odd[:, MORE].astype(np.float64) - FORGIVEN, 0.0)
    return alone.sum(axis=1) - alone.max(axis=1), several
