"""Under the limit: requests that leave almost no room under the tightest limit, again and again, and never pass it.

Whoever knows a limit and wants as much as it allows paces himself just below it. Customers either have room to spare or, now
and then, run into it.
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
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

STEPS = 512  # of the honest distribution that are kept; larger: finer p-values


@packable
@dataclass(frozen=True, slots=True)
class FittedUnderLimit:
    """Honest room in ascending order, shape (STEPS,), and the spread between accounts."""

    honest: FloatArray
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value."""
        return {"tallies": Tails.marks(_p_values(self.honest, rows.batch.room, len(rows)))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of rows with little room, in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"])

    def explain(self, states: States, counts: IntArray) -> str:
        """How many rows left how little room."""
        return self.tails.explain(states["tallies"], "left less room under a limit than customers' rows do")


@dataclass(frozen=True, slots=True)
class UnderLimit:
    """The detector, before it knows a model."""

    name: str = "under-limit"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "stays just under a limit again and again, as a program does that was told it"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where the log does not say how much room was left, or it was always the same."""
        room = rows.batch.room
        if room is None:
            return None
        known = room[np.isfinite(room)]
        if not len(known) or float(np.ptp(known)) <= 0:
            return None
        honest = np.quantile(known, np.linspace(0, 1, STEPS))
        return FittedUnderLimit(honest, Tails.fit(_p_values(honest, room, len(rows)), rows.batch.accounts))


def _p_values(honest: FloatArray, values: FloatArray | None, count: int) -> FloatArray:
    """The share of honest rows with a value as small, shape (n,); NaN where it is missing."""
    if values is None:
        return np.full(count, np.nan)
    known = np.isfinite(values)
    place = np.searchsorted(honest, np.where(known, values, 0.0), side="right")
    return np.where(known, np.maximum(place, 0.5) / (len(honest) + 1), np.nan)
