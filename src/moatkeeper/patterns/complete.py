"""Rows with nothing missing, but for the gaps that honest rows have: a value that is not there is no place in the space.

A missing number lies in the middle of its column as far as coordinates go. Where customers leave it out too, that is where
their rows lie; where they do not, an account with broken rows would seem to ask about cases that nobody has.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from moatkeeper.patterns.rows import Rows

ORDINARY_GAP = 0.05
"""Share of honest rows without a column's value, from which a gap there is ordinary."""


def ordinary_gaps(rows: Rows) -> npt.NDArray[np.bool_]:
    """The columns that honest rows leave empty now and then, shape (c,)."""
    return np.asarray(_missing(rows).mean(axis=0) >= ORDINARY_GAP, dtype=np.bool_)


def complete(rows: Rows, gaps: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which rows have a value in every column outside ``gaps``, shape (n,)."""
    return np.asarray(~_missing(rows)[:, ~gaps].any(axis=1), dtype=np.bool_)


def _missing(rows: Rows) -> npt.NDArray[np.bool_]:
    # The last level stands for a missing value (rows.py).
    return np.asarray(rows.codes == rows.levels - 1, dtype=np.bool_)
