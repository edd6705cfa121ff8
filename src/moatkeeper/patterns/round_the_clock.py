"""Round the clock: requests spread over all hours of the week, where customers work and sleep.

The entropies of the histograms over the hours of the day and the days of the week hardly depend on the time zone or on which
days are free. Honest services ask at all hours too; they stand among the honest accounts that the reading is compared with.
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
HOURS, DAYS = 24, 7
"""Of a day, and of a week."""


@packable
@dataclass(frozen=True, slots=True)
class FittedRoundTheClock:
    """The mean entropy of honest accounts, in [0, 1]: for the explanation alone."""

    usual: float

    def sketches(self) -> Mapping[str, Sketch]:
        """Rows by hour of the day, then by day of the week."""
        return {"hours": Counts(HOURS + DAYS)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Each row's hour and day; -1 without a time."""
        return {"hours": _hours(rows.batch.at)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The mean of both entropies, each as a share of the largest, in [0, 1]; NaN without times."""
        return _entropy(states["hours"])

    def explain(self, states: States, counts: IntArray) -> str:
        """In how many hours requests came."""
        hours, days = states["hours"][0, :HOURS], states["hours"][0, HOURS:]
        evenness = float(np.nan_to_num(_entropy(states["hours"])[0]))
        return (
            f"{int(hours.sum())} rows came in {int(np.count_nonzero(hours))} of the {HOURS} hours of a day and on "
            f"{int(np.count_nonzero(days))} of {DAYS} days of a week, with an evenness of {evenness:.2f}; of honest customers "
            f"{self.usual:.2f} is usual"
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
        known = hours[:, 0] >= 0
        if not known.any():
            return None
        owners, numbers = np.unique(rows.batch.accounts[known], return_inverse=True)
        histograms = Counts(HOURS + DAYS)
        state = histograms.empty(len(owners))
        histograms.fold(state, numbers, hours[known])
        return FittedRoundTheClock(float(_entropy(state).mean()))


def _hours(at: FloatArray) -> IntArray:
    known = np.isfinite(at)
    hours = np.floor(np.where(known, at, 0.0) / HOUR_S)
    places = np.stack([hours % HOURS, HOURS + hours // HOURS % DAYS], axis=1)
    return np.where(known[:, None], places, -1).astype(np.int64)


def _entropy(state: State) -> FloatArray:
    rows = state[:, :HOURS].sum(axis=1, keepdims=True)
    shares = state / np.maximum(rows, 1)
    terms = -shares * np.log(np.maximum(shares, 1e-12))
    entropy = (terms[:, :HOURS].sum(axis=1) / np.log(HOURS) + terms[:, HOURS:].sum(axis=1) / np.log(DAYS)) / 2
    return np.where(rows[:, 0] > 0, entropy, np.nan)
