"""The history of honest accounts, window by window: what the tests for rings compare a new window with.

Each account is ranked among past accounts at the same checkpoint, by its own rows alone; ties are broken by a chance that is
drawn from its name, so that ranks of honest accounts are uniform however coarse a reading is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, IntArray, Words
from moatkeeper.patterns.berk_jones import alarms
from moatkeeper.patterns.hashing import HashArray
from moatkeeper.patterns.normal import draws
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.profile import Profile
from moatkeeper.patterns.shared_cells import SharedHistory, buckets_of
from moatkeeper.patterns.window import WEEK_S, Window, reaching, window_numbers, windows_of

LEFT_OUT = frozenset({"class-balance", "density", "grain", "clockwork", "round-the-clock", "under-limit", "pivot"})
"""Detectors that say nothing about rings. The first three ask where customers ask, not how: a season moves them for everybody,
and honest weeks whose regions drift were taken for rings (bench/rings.py). The others depend on how many rows come later in a
window: a surge of honest accounts with one number of rows would look like a ring."""
ENOUGH_WINDOWS = 16
"""Past windows wanted, since the cut of the global test is taken from whole ones; a shorter history has shorter windows."""
LEAST_ACCOUNTS = 20
"""Past accounts at a checkpoint below which nobody is ranked there."""
_A_LITTLE = 1e-9  # so that the last row lies in the last window


@packable
@dataclass(frozen=True, slots=True)
class History:
    """m honest accounts, each in each window in which it reached a checkpoint."""

    statistics: Words
    window_s: float
    keys: HashArray  # (m,)
    windows: IntArray  # (m,): numbers of the windows
    rows: IntArray  # (m,): checkpoints
    readings: FloatArray  # (m, statistics), 32 bits
    past: FloatArray  # (windows, statistics): how far the global test came in each past window, seen from the others
    shared: SharedHistory
    tested: float  # share of the accounts of a window that reach a checkpoint in it, in (0, 1]

    @classmethod
    def fit(cls, profile: Profile, guards: Batch, everyone: Batch) -> Self:
        """From the rows of honest accounts: ``guards`` taught the detectors nothing, and only they are ranked against."""
        started, ended = (float(everyone.at.min()), float(everyone.at.max())) if len(everyone) else (0.0, 0.0)
        window_s = min(WEEK_S, max((ended - started) * (1 + _A_LITTLE), 1.0) / ENOUGH_WINDOWS)
        numbers = window_numbers(everyone.at, started, window_s)
        buckets = buckets_of(profile.encoder, everyone)
        there = reaching(everyone, numbers)
        shared = SharedHistory.fit(buckets, everyone.accounts, numbers, there)
        pairs = everyone.accounts * (int(numbers.max(initial=0)) + 1) + numbers
        share = len(np.unique(pairs[there])) / max(len(np.unique(pairs)), 1)
        statistics = tuple(name for name in profile.detectors if name not in LEFT_OUT)
        chosen = [profile.detectors.index(name) for name in statistics]
        found = [
            (number, replace(window, readings=window.readings[:, chosen]))
            for number, window in windows_of(profile, guards, started, window_s)
        ]
        return cls.of(statistics, window_s, found, shared, share or 1.0)

    @classmethod
    def of(
        cls,
        statistics: Words,
        window_s: float,
        found: Sequence[tuple[int, Window]],
        shared: SharedHistory,
        tested: float = 1.0,
    ) -> Self:
        """From past windows and their numbers."""
        width = len(statistics)
        plain = cls(
            statistics,
            window_s,
            np.concatenate([np.empty(0, dtype=np.int64), *(window.keys for _, window in found)]),
            np.repeat([number for number, _ in found], [len(window) for _, window in found]).astype(np.int64),
            np.concatenate([np.empty(0, dtype=np.int64), *(window.rows for _, window in found)]),
            _small(np.concatenate([np.empty((0, width)), *(window.readings for _, window in found)])),
            np.empty((0, width)),
            shared,
            tested,
        )
        past = []
        for number, _ in found:
            inside = plain.windows == number
            p_values = plain.p_values_of_past(number)
            elsewhere = plain.size_at(plain.rows[inside]) - _size_at(plain.rows[inside], plain.rows[inside])
            past.append([alarm.z for alarm in alarms(statistics, p_values, plain.rows[inside], elsewhere)])
        return replace(plain, past=np.array(past).reshape(len(past), width))

    def __len__(self) -> int:
        return len(self.keys)

    def of_detectors(self, detectors: Words, readings: FloatArray) -> FloatArray:
        """The columns of its statistics, of readings with a column for each detector."""
        return readings[:, [detectors.index(name) for name in self.statistics]]

    @property
    def checkpoints(self) -> IntArray:
        """Where accounts can be ranked, ascending."""
        rows, counts = np.unique(self.rows, return_counts=True)
        return rows[counts >= LEAST_ACCOUNTS]

    def size_at(self, rows: IntArray) -> IntArray:
        """How many past accounts each is compared with, the shape of ``rows``."""
        known, counts = np.unique(self.rows, return_counts=True)
        place = np.minimum(np.searchsorted(known, rows), max(len(known) - 1, 0))
        return np.where(known[place] == rows, counts[place], 0) if len(known) else np.zeros(len(rows), dtype=np.int64)

    def p_values(self, keys: HashArray, rows: IntArray, readings: FloatArray) -> FloatArray:
        """Ranks of accounts among past ones at the same checkpoint, shape (n, statistics); NaN at a checkpoint with too few."""
        return self._ranks(keys, rows, readings, np.zeros(len(self), dtype=bool))

    def p_values_of_past(self, number: int) -> FloatArray:
        """The ranks of one past window's accounts among those of all others."""
        inside = self.windows == number
        return self._ranks(self.keys[inside], self.rows[inside], self.readings[inside], inside)

    def _ranks(self, keys: HashArray, rows: IntArray, readings: FloatArray, left_out: npt.NDArray[np.bool_]) -> FloatArray:
        p_values = np.full(readings.shape, np.nan)
        chances = [draws(keys, number) for number in range(len(self.statistics))]
        small = _small(readings)
        for checkpoint in np.unique(rows).tolist():
            here = np.flatnonzero(rows == checkpoint)
            known = self.readings[(self.rows == checkpoint) & ~left_out]
            if len(known) < LEAST_ACCOUNTS:
                continue
            for number, chance in enumerate(chances):
                column = np.sort(_saying(known[:, number]))
                reading = _saying(small[here, number])
                more = len(column) - np.searchsorted(column, reading, side="right")
                same = len(column) - np.searchsorted(column, reading, side="left") - more
                p_values[here, number] = (more + chance[here] * (same + 1)) / (len(column) + 1)
        return p_values


def _small(readings: FloatArray) -> FloatArray:
    """Readings to the precision at which they are kept, so that ties remain ties."""
    return readings.astype(np.float32)


def _saying(readings: FloatArray) -> FloatArray:
    """A detector that says nothing ranks below all that say something."""
    return np.where(np.isnan(readings), -np.inf, readings)


def _size_at(known: IntArray, rows: IntArray) -> IntArray:
    values, counts = np.unique(known, return_counts=True)
    return counts[np.searchsorted(values, rows)]
