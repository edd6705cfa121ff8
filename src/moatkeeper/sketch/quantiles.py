"""Quantiles of positive numbers with a bounded relative error: a histogram whose bins grow by a fixed factor.

The bins are those of DDSketch (Masson, Rim and Lee, PVLDB 12(12) 2019, section 2), on a fixed range instead of one that
collapses: so a state has one size, and merging is adding.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.counts import Counts


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Values between ``low`` and ``high`` are told to within a share ``error`` of themselves; those outside count as the ends.

    Marks have shape (n, t), t values a row; NaN says nothing. Seconds from 1 ms to 11 days at 5% take 210 bins, 0.8 KB.
    """

    low: float
    high: float
    error: float = 0.05  # in (0, 1); larger: fewer bins

    @property
    def width(self) -> int:
        """How many bins: one up to ``low``, those between, one for all above ``high``."""
        return ceil(log(self.high / self.low) / log(self._growth)) + 2

    @property
    def _growth(self) -> float:
        return (1 + self.error) / (1 - self.error)

    def empty(self, owners: int) -> State:
        """All bins 0, shape (owners, width)."""
        return Counts(self.width).empty(owners)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Counts each value in its bin."""
        held = np.clip(np.nan_to_num(marks, nan=self.low, posinf=np.inf, neginf=-np.inf), self.low, self.high)
        bins = np.ceil(np.log(held / self.low) / log(self._growth)).astype(np.int64)
        bins[marks > self.high] = self.width - 1
        bins[np.isnan(marks)] = -1
        Counts(self.width).fold(state, owners, bins)

    def merge(self, first: State, second: State) -> State:
        """The bins of both."""
        merged: State = first + second
        return merged

    def count(self, state: State) -> npt.NDArray[np.int64]:
        """How many values were seen, shape (owners,)."""
        return np.asarray(state.sum(axis=1), dtype=np.int64)

    def value(self, state: State, share: float) -> npt.NDArray[np.float64]:
        """The value that a ``share`` in [0, 1] of the others lies below, shape (owners,); NaN where nothing was seen.

        Within ``error`` of the sample's lower quantile (numpy's method "lower"), if that lies between ``low`` and ``high``.
        """
        count = self.count(state)
        reached = np.cumsum(state, axis=1) > np.floor(share * (count - 1))[:, None]
        middles = self.low * self._growth ** np.arange(self.width, dtype=np.float64) * 2 / (1 + self._growth)
        middles[0], middles[-1] = self.low, self.high
        return np.where(count > 0, middles[np.argmax(reached, axis=1)], np.nan)
