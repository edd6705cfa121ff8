"""How many different rows an account has sent: a monitor that sends one row a thousand times has asked one thing, not a
thousand.

Statistics of what was asked count an account's rows as if each were a new choice. For an honest monitor, or a customer who
sends rows again, they are not, and one unlucky row would look like a thousand. So the bitmap of exact rows lies beside the
sketches of every detector, and what they count is scaled down to different rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.bits import Bits

EXACT = "exact"
"""The name under which a detector finds the bitmap among its states."""
SEEN = Bits(1, 2_048)
"""Exact up to about 10,000 different rows, from where it reads as if there were no more."""


def distinct_rows(states: States, counts: IntArray) -> FloatArray:
    """Different rows of each account, shape (accounts,), at most ``counts``; all of them where the bitmap is not kept."""
    rows = counts.astype(np.float64)
    if EXACT not in states:
        return rows
    return np.minimum(np.maximum(SEEN.distinct(states[EXACT])[:, 0], np.minimum(rows, 1)), rows)


def first_times(rows: Rows) -> npt.NDArray[np.bool_]:
    """Which rows their account had not sent before, shape (n,)."""
    pairs = np.stack([rows.batch.accounts, rows.exact], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    found = np.zeros(len(rows), dtype=np.bool_)
    found[first] = True
    return found


def distinct_share(states: States, counts: IntArray) -> FloatArray:
    """Different rows as a share of all, in (0, 1], shape (accounts,)."""
    return np.asarray(distinct_rows(states, counts) / np.maximum(counts, 1), dtype=np.float64)
