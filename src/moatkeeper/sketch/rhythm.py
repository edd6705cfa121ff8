"""Clockwork: whether calls keep to the beat of a fixed period, in whatever order they come in.

Each time is a hand on a clock whose round takes one period. Hands that point everywhere add up to nothing, those of a timer
to their number: the Rayleigh test of uniformity (Mardia and Jupp 2000, section 6.3.1). Intervals between calls would say more,
but need the order; this is a sum. A beat is found if its period is one of ours or a whole multiple of it: a timer of 90 s keeps
to 30 s. One of 7.3 s keeps to none of ours, and is not found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.circle import COSINES, RADIUS, SINES, STEPS
from moatkeeper.sketch.scatter import pieces, scatter_rows

PERIODS_S = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 86_400.0)
"""Seconds: what people set timers to."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Sums of hands an owner and period. Marks are UTC seconds, shape (n, 1); those before 1970 say nothing."""

    periods_s: tuple[float, ...] = PERIODS_S

    def empty(self, owners: int) -> State:
        """All 0, shape (owners, 1 + 2 periods): the number of calls, sums of cosines, sums of sines."""
        return np.zeros((owners, 1 + 2 * len(self.periods_s)), dtype=np.int64)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Adds the hands of each call."""
        for piece in pieces(len(marks), state.shape[1]):
            times = marks[piece, 0]
            known = np.isfinite(times) & (times >= 0)
            rounds = times[known, None] / np.asarray(self.periods_s)
            steps = ((rounds - np.floor(rounds)) * STEPS).astype(np.int64) % STEPS
            ones = np.ones((len(steps), 1), dtype=np.int64)
            hands = np.concatenate([ones, COSINES[steps], SINES[steps]], axis=1)
            scatter_rows(np.add, state, owners[piece][known], hands)

    def merge(self, first: State, second: State) -> State:
        """The sums of both."""
        merged: State = first + second
        return merged

    def strength(self, state: State) -> npt.NDArray[np.float64]:
        """How well calls keep to each period, in [0, 1], shape (owners, periods); NaN without a call."""
        count = np.where(state[:, :1] > 0, state[:, :1], np.nan)
        cosines, sines = np.split(state[:, 1:] / (count * RADIUS), 2, axis=1)
        return np.asarray(np.minimum(np.hypot(cosines, sines), 1.0), dtype=np.float64)

    def p_value(self, state: State) -> npt.NDArray[np.float64]:
        """The chance of such a strength if calls came whenever, shape (owners, periods); NaN without a call.

        The approximation of Zar 2010 (equation 27.4), good from ten calls on. People are no such null for long periods: they
        sleep, and keep to days.
        """
        count = np.where(state[:, :1] > 0, state[:, :1], np.nan)
        total = count * self.strength(state)
        return np.asarray(np.exp(np.sqrt(1 + 4 * count + 4 * (count**2 - total**2)) - (1 + 2 * count)), dtype=np.float64)
