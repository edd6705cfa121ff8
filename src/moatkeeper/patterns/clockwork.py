"""Clockwork: requests that keep the same place in a minute, an hour or a day, as a paced program's do.

For each of a few fixed periods the sums of cosine and sine of the time show how closely requests keep to one phase
(Rayleigh's test). Honest programs keep time too: a nightly job, a monitor that asks every minute. So a period in which honest
accounts are regular says nothing here, and what is left is compared with honest accounts, the regular ones among them.
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
from moatkeeper.sketch.sums import Sums

PERIODS_S = np.array([2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 86_400.0])
"""Seconds: the paces that people and programs choose, and the second halves of stamps do not matter to."""
ORDINARY = 0.95
"""Quantile of honest regularity that a period is measured from."""
MOST_REGULAR = 0.9
"""Honest regularity at that quantile, from which a period says nothing."""
LEAST_ROWS = 8  # of an honest account that regularity is learned from
LEAST_ACCOUNTS = 20


@packable
@dataclass(frozen=True, slots=True)
class FittedClockwork:
    """How regular honest accounts are in each period, shape (periods,); 1 where the period says nothing."""

    ordinary: FloatArray

    def sketches(self) -> Mapping[str, Sketch]:
        """Sums of cosine and sine."""
        return {"phases": Sums(2 * len(PERIODS_S) + 1)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Each row's cosines and sines, and 1; NaN without a time."""
        return {"phases": _phases(rows.batch.at)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The regularity beyond the ordinary in the most conspicuous period, at most 1; NaN without times."""
        beyond = self._beyond(states["phases"])
        return np.where(Sums.values(states["phases"])[:, -1] > 0, beyond.max(axis=1), np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """The period, and how regular it is."""
        period = int(np.argmax(self._beyond(states["phases"])[0]))
        regularity = _regularity(states["phases"])[0, period]
        return (
            f"requests keep their place in every {PERIODS_S[period]:g} seconds with a regularity of {regularity:.2f} (1 is a "
            f"clock's); 95% of honest customers stay below {self.ordinary[period]:.2f}"
        )

    def _beyond(self, state: State) -> FloatArray:
        says = self.ordinary < 1
        room = np.where(says, 1 - self.ordinary, 1.0)
        return np.where(says, (_regularity(state) - self.ordinary) / room, -1.0)


@dataclass(frozen=True, slots=True)
class Clockwork:
    """The detector, before it knows a model."""

    name: str = "clockwork"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "asks at a pace that only a program keeps, where customers' programs keep none"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where too few honest accounts have enough rows, or honest accounts are regular in every period."""
        known = np.isfinite(rows.batch.at)
        owners, numbers, sizes = np.unique(rows.batch.accounts[known], return_inverse=True, return_counts=True)
        enough = sizes >= LEAST_ROWS
        if int(enough.sum()) < LEAST_ACCOUNTS:
            return None
        sums = Sums(2 * len(PERIODS_S) + 1)
        state = sums.empty(len(owners))
        sums.fold(state, numbers, _phases(rows.batch.at[known]))
        ordinary = np.quantile(_regularity(state[enough]), ORDINARY, axis=0)
        if float(ordinary.min()) >= MOST_REGULAR:
            return None
        return FittedClockwork(np.where(ordinary >= MOST_REGULAR, 1.0, ordinary))


def _phases(at: FloatArray) -> FloatArray:
    known = np.isfinite(at)
    angles = np.where(known, at, 0.0)[:, None] % PERIODS_S * (2 * np.pi / PERIODS_S)
    phases = np.concatenate([np.cos(angles), np.sin(angles), np.ones((len(at), 1))], axis=1)
    return np.where(known[:, None], phases, np.nan)


def _regularity(state: State) -> FloatArray:
    """The length of the mean phase in each period, in [0, 1], shape (accounts, periods)."""
    values = Sums.values(state)
    cosines, sines = values[:, : len(PERIODS_S)], values[:, len(PERIODS_S) : -1]
    return np.asarray(np.hypot(cosines, sines) / np.maximum(values[:, -1:], 1), dtype=np.float64)
