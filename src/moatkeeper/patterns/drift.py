"""Drift: whether honest traffic still is what it was when it was calibrated, seen in the bulk of all accounts.

A few thieves change the tail of a detector's readings; another season, another product or another model changes its middle. So
the middle nine tenths are compared: each account that passes a checkpoint counts once, in the honest tenth that its reading
falls into. Thieves beyond the honest ninth tenth do not count, and a rare reading does not either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.fusion import EVEN
from moatkeeper.patterns.packing import packable
from moatkeeper.sketch.base import State

TENTHS = 10
LEAST_ACCOUNTS = 100
"""Accounts that a comparison needs."""
ALARM_Z = 6.0
"""Of the chi-square as a normal score, above which traffic has drifted; accounts of one week share what moves them, so the cut
is far above that of independent accounts."""
ALARM_SHARE = 0.1
"""Of the accounts, that must fall into other tenths than they did: with many accounts, the smallest change is significant."""

ALARM_FAR = 0.4
"""Share of the accounts in the last tenth: four times what it was, and more than the thieves of any campaign on record."""


_PLACES = np.arange(2, EVEN, 2)
"""Of the quantiles, that end the tenths: fusion keeps them at every twentieth."""


class Drift(NamedTuple):
    """One detector's comparison, over ``accounts`` accounts in all: the bulk's chi-square as a normal score, and what moved.

    ``moved`` is the share of the bulk that fell into other tenths, ``far`` the share of all accounts in the last tenth. Where
    that is large, either all customers have changed or a ring is large: a person has to tell which.
    """

    detector: int
    accounts: int
    z: float
    moved: float
    far: float

    @property
    def alarming(self) -> bool:
        """Whether a new calibration should be asked for."""
        if self.accounts < LEAST_ACCOUNTS:
            return False
        return (self.z > ALARM_Z and self.moved > ALARM_SHARE) or self.far > ALARM_FAR


@packable
@dataclass(frozen=True, slots=True)
class Usual:
    """The shares of guard accounts in each tenth, shape (detectors, TENTHS), with how many accounts they rest on."""

    shares: FloatArray
    accounts: int

    @classmethod
    def fit(cls, quantiles: FloatArray, readings: FloatArray) -> Self:
        """From guard readings (accounts, detectors), in tenths of the fusion's quantiles (detectors, grid)."""
        counts = count_tenths(quantiles, readings).astype(np.float64)
        return cls((counts + 0.5) / (counts.sum(axis=1, keepdims=True) + 0.5 * TENTHS), len(readings))

    def compare(self, counts: State) -> list[Drift]:
        """The drift of each detector, from the tenths (detectors, TENTHS) that later accounts fell into."""
        return [self._compare(number, row.astype(np.float64)) for number, row in enumerate(np.asarray(counts))]

    def _compare(self, detector: int, counts: FloatArray) -> Drift:
        # The last tenth is where thieves are: what happens there is not drift.
        usual, found = self.shares[detector][:-1], counts[:-1]
        accounts, every = float(found.sum()), int(counts.sum())
        far = 1 - accounts / every if every else 0.0
        if accounts < 1:
            return Drift(detector, every, 0.0, 0.0, far)
        usual = usual / usual.sum()
        expected = accounts * usual
        # The shares themselves are estimates, from ``accounts`` guards.
        spread = expected * (1 + accounts / max(self.accounts, 1))
        kept = expected >= 1
        degrees = max(int(np.count_nonzero(kept)) - 1, 1)
        chi = float(np.sum(((found - expected) ** 2 / np.maximum(spread, 1e-12))[kept]))
        moved = 0.5 * float(np.abs(found / accounts - usual).sum())
        return Drift(detector, every, _normal_score(chi, degrees), moved, far)


def count_tenths(quantiles: FloatArray, readings: FloatArray) -> npt.NDArray[np.int64]:
    """How many accounts fell into each tenth, shape (detectors, TENTHS); NaN count nowhere. Counts of parts add up."""
    counts = np.zeros((len(quantiles), TENTHS), dtype=np.int64)
    for detector, known in enumerate(quantiles):
        column = readings[:, detector]
        places = np.searchsorted(known[_PLACES], column[np.isfinite(column)])
        counts[detector] = np.bincount(places, minlength=TENTHS)
    return counts


def _normal_score(chi: float, degrees: int) -> float:
    """A chi-square as a normal score (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * degrees)
    return float(((chi / degrees) ** (1 / 3) - (1 - spread)) / np.sqrt(spread))
