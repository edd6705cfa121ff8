"""Rows that have a place in the space: nothing missing and nothing impossible, but for what honest rows have too.

A missing number lies in the middle of its column as far as coordinates go, an impossible one at its edge, a new category
anywhere. One such value, by a customer's mistake or change, would seem to be a case that nobody has. Where customers leave a
value out too, that is where their rows lie. Impossible values have a detector of their own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from moatkeeper.patterns.rows import Rows

ORDINARY_GAP = 0.05
"""Share of honest rows without a proper value in a column, from which such a gap there is ordinary."""


def ordinary_gaps(rows: Rows) -> npt.NDArray[np.bool_]:
    """The columns that honest rows leave empty now and then, shape (c,)."""
    return np.asarray(_gaps(rows).mean(axis=0) >= ORDINARY_GAP, dtype=np.bool_)


def complete(rows: Rows, gaps: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which rows have a proper value in every column outside ``gaps``, shape (n,)."""
    return np.asarray(~_gaps(rows)[:, ~gaps].any(axis=1), dtype=np.bool_)


def _gaps(rows: Rows) -> npt.NDArray[np.bool_]:
    # The last level stands for a missing value (rows.py).
    return np.asarray((rows.codes == rows.levels - 1) | rows.odd, dtype=np.bool_)
