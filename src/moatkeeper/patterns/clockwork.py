"""Clockwork: new questions at a pace that a clock sets, one in every so many seconds, always at the same place in the
interval.

For a few fixed intervals the sums of cosine and sine of the time show how closely requests keep to one phase (Rayleigh's
test), and a bitmap shows in how many different intervals they came. Honest programs keep time too: a nightly job sends many
rows within few intervals, a monitor sends the same rows again, and both count little. What honest accounts do regularly all
the same says nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.distinct import distinct_share
from moatkeeper.patterns.hashing import mixed
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.sums import Sums

PERIODS_S = np.array([1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0])
"""Seconds. A pace that is a multiple of one of them keeps its phase, so the short ones see most paces."""
ORDINARY = 0.99
"""Quantile of honest regularity that a period is measured from."""
MOST_REGULAR = 0.9
"""Honest regularity at that quantile, from which a period says nothing: where one customer in a hundred has a sensor with a
new row at every beat, regularity is no sign."""
LEAST_ROWS = 8  # of an honest account that regularity is learned from
LEAST_ACCOUNTS = 20
PHASES = Sums(2 * len(PERIODS_S) + 1)
INTERVALS = Bits(len(PERIODS_S), 256)
"""Which intervals of each period were used: up to some 1,400 of them can be told apart."""


@packable
@dataclass(frozen=True, slots=True)
class FittedClockwork:
    """How regular honest accounts are in each period, shape (periods,); 1 where the period says nothing."""

    ordinary: FloatArray

    def sketches(self) -> Mapping[str, Sketch]:
        """Sums of cosine and sine, and the intervals used."""
        return {"phases": PHASES, "intervals": INTERVALS}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Each row's cosines and sines, and 1, NaN without a time; and its interval of each period."""
        return _marks(rows.batch.at)

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The regularity beyond the ordinary in the most conspicuous period, at most 1; NaN without times."""
        beyond = self._beyond(states, counts)
        return np.where(PHASES.values(states["phases"])[:, -1] > 0, beyond.max(axis=1), np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """The period, and how regular it is."""
        period = int(np.argmax(self._beyond(states, counts)[0]))
        regularity = float(_regularity(states, counts)[0, period])
        return (
            f"new rows keep their place in intervals of {PERIODS_S[period]:g} seconds with a regularity of {regularity:.2f} "
            f"(1 is a clock's); {ORDINARY:.0%} of honest customers stay below {self.ordinary[period]:.2f}"
        )

    def _beyond(self, states: States, counts: IntArray) -> FloatArray:
        says = self.ordinary < 1
        room = np.where(says, 1 - self.ordinary, 1.0)
        return np.where(says, (_regularity(states, counts) - self.ordinary) / room, -1.0)


@dataclass(frozen=True, slots=True)
class Clockwork:
    """The detector, before it knows a model."""

    name: str = "clockwork"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "asks something new at a pace that only a program keeps"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where too few honest accounts have enough rows, or honest accounts are regular in every period."""
        known = np.isfinite(rows.batch.at)
        owners, numbers, sizes = np.unique(rows.batch.accounts[known], return_inverse=True, return_counts=True)
        enough = sizes >= LEAST_ROWS
        if int(enough.sum()) < LEAST_ACCOUNTS:
            return None
        marks = _marks(rows.batch.at[known])
        states = {"phases": PHASES.empty(len(owners)), "intervals": INTERVALS.empty(len(owners))}
        PHASES.fold(states["phases"], numbers, marks["phases"])
        INTERVALS.fold(states["intervals"], numbers, marks["intervals"])
        ordinary = np.quantile(_regularity(states, sizes)[enough], ORDINARY, axis=0)
        if float(ordinary.min()) >= MOST_REGULAR:
            return None
        return FittedClockwork(np.where(ordinary >= MOST_REGULAR, 1.0, ordinary))


def _marks(at: FloatArray) -> dict[str, Marks]:
    known = np.isfinite(at)
    turns = np.where(known, at, 0.0)[:, None] / PERIODS_S
    whole = np.floor(turns)
    angles = ((turns - whole) * (2 * np.pi)).astype(np.float32)
    phases = np.concatenate([np.cos(angles), np.sin(angles), np.ones((len(at), 1), dtype=np.float32)], axis=1)
    scattered = (mixed(whole.astype(np.int64).view(np.uint64)) >> np.uint64(1)).astype(np.int64)
    return {
        "phases": np.where(known[:, None], phases, np.nan),
        "intervals": np.where(known[:, None], scattered, -1),
    }


def _regularity(states: States, counts: IntArray) -> FloatArray:
    """The length of the mean phase, times the share of rows that are new and in an interval of their own; in [0, 1]."""
    values = PHASES.values(states["phases"])
    rows = np.maximum(values[:, -1:], 1)
    cosines, sines = values[:, : len(PERIODS_S)], values[:, len(PERIODS_S) : -1]
    own = np.minimum(INTERVALS.distinct(states["intervals"]) / rows, 1)
    regularity = np.minimum(np.hypot(cosines, sines) / rows, 1) * own * distinct_share(states, counts)[:, None]
    return np.asarray(regularity, dtype=np.float64)
