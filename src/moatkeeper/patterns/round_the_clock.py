"""Round the clock: requests spread over all hours of the week, where customers work and sleep.

The entropy of the histogram over the 168 hours of the week does not depend on the time zone or on which days are free. Honest
services ask at all hours too; they stand among the honest accounts that the reading is compared with.
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

HOUR_S = 3_600.0
HOURS = 168  # of a week


@packable
@dataclass(frozen=True, slots=True)
class FittedRoundTheClock:
    """The mean entropy of honest accounts, in [0, 1]: for the explanation alone."""

    usual: float

    def sketches(self) -> Mapping[str, Sketch]:
        """Rows by hour of the week."""
        return {"hours": Counts(HOURS)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Each row's hour of the week; -1 without a time."""
        return {"hours": _hours(rows.batch.at)[:, None]}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The entropy of the hours as a share of the largest, in [0, 1]; NaN without times."""
        return _entropy(states["hours"])

    def explain(self, states: States, counts: IntArray) -> str:
        """In how many hours requests came."""
        hours = states["hours"][0]
        return (
            f"{int(hours.sum())} rows came in {int(np.count_nonzero(hours))} of the {HOURS} hours of a week, with an evenness "
            f"of {float(_entropy(states['hours'])[0]):.2f}; honest customers have {self.usual:.2f}"
        )


@dataclass(frozen=True, slots=True)
class RoundTheClock:
    """The detector, before it knows a model."""

    name: str = "round-the-clock"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "asks at all hours of the day and the week, where customers work and sleep"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where no request has a time."""
        hours = _hours(rows.batch.at)
        known = hours >= 0
        if not known.any():
            return None
        owners, numbers = np.unique(rows.batch.accounts[known], return_inverse=True)
        histograms = Counts(HOURS)
        state = histograms.empty(len(owners))
        histograms.fold(state, numbers, hours[known][:, None])
        return FittedRoundTheClock(float(_entropy(state).mean()))


def _hours(at: FloatArray) -> IntArray:
    known = np.isfinite(at)
    return np.where(known, np.floor(np.where(known, at, 0.0) / HOUR_S) % HOURS, -1).astype(np.int64)


def _entropy(state: State) -> FloatArray:
    histograms = state.astype(np.float64)
    rows = histograms.sum(axis=1, keepdims=True)
    shares = histograms / np.maximum(rows, 1)
    entropy = -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1) / np.log(HOURS)
    return np.where(rows[:, 0] > 0, entropy, np.nan)
