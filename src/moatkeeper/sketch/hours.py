"""When in the week somebody calls: tallies of its hours, from which nights and weekends can be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.counts import Counts

HOUR_S = 3_600.0
DAY = 24  # hours
WEEK = 7 * DAY
WEEKEND = 5 * DAY
"""Hours after Monday 0:00."""
_THURSDAY = 3 * DAY  # the first hour of 1970


@dataclass(frozen=True, slots=True)
class Hours:
    """168 tallies an owner, the first one Monday 0:00 to 1:00 UTC. Marks are UTC seconds, shape (n, 1).

    NaN, infinity and times before 1970 count nothing.
    """

    def empty(self, owners: int) -> State:
        """All tallies 0, shape (owners, 168)."""
        return Counts(WEEK).empty(owners)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Counts each call in its hour."""
        known = np.isfinite(marks) & (marks >= 0)
        hours = np.mod(np.floor(np.where(known, marks, 0.0) / HOUR_S) + _THURSDAY, WEEK).astype(np.int64)
        Counts(WEEK).fold(state, owners, np.where(known, hours, -1))

    def merge(self, first: State, second: State) -> State:
        """The tallies of both."""
        merged: State = first + second
        return merged

    def of_day(self, state: State) -> npt.NDArray[np.int64]:
        """The tallies by hour of the day, shape (owners, 24)."""
        return np.asarray(state.reshape(-1, WEEK // DAY, DAY).sum(axis=1), dtype=np.int64)

    def weekend(self, state: State) -> npt.NDArray[np.float64]:
        """The share of calls on Saturdays and Sundays, shape (owners,); 2/7 for a machine. NaN without a call."""
        count = state.sum(axis=1)
        return np.where(count > 0, state[:, WEEKEND:].sum(axis=1) / np.maximum(count, 1), np.nan)

    def evenness(self, state: State) -> npt.NDArray[np.float64]:
        """The entropy over the hours of the day as a share of the most it can be, in [0, 1], shape (owners,).

        NaN without a call. Few calls cannot be even: compare at the same number of them.
        """
        tallies = self.of_day(state)
        count = tallies.sum(axis=1, keepdims=True)
        shares = tallies / np.maximum(count, 1)
        entropy = -np.sum(shares * np.log(np.where(shares > 0, shares, 1.0)), axis=1)
        return np.where(count[:, 0] > 0, entropy / np.log(DAY), np.nan)

    def rest(self, state: State) -> npt.NDArray[np.int64]:
        """The most hours of the day in a row without any call, over midnight too, shape (owners,); 24 without a call."""
        silent = np.tile(self.of_day(state) == 0, 2)
        run = np.zeros(len(silent), dtype=np.int64)
        longest = run.copy()
        for hour in range(2 * DAY):
            run = np.where(silent[:, hour], run + 1, 0)
            longest = np.maximum(longest, run)
        return np.minimum(longest, DAY)
