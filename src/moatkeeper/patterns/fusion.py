"""Fusion: the readings of all detectors as one score, by how rare each is among honest accounts at the same number of rows.

A score need not be a probability: the conformal ranks in calibration.py make it one. It only has to grow when one reading is
far out or several are somewhat out, and to go on growing beyond everything that was seen, so that thieves are not tied with
the strangest honest account. Within what was seen, rarity is the honest share itself: honest minorities (who send only hard
cases, who change one field at a time) make their readings common. Beyond it, the mean slope of the tail goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.packing import packable

SHOULDER = 0.05
"""Share of honest accounts that is the tail; above it quantiles are even, in it they are geometric down to a single account."""
EVEN, GEOMETRIC = 19, 44
"""Quantiles that are kept of each reading, above the shoulder and in the tail."""
PLAIN = np.log(8.0)
"""Rarity below which a reading adds nothing: one honest account in eight is as strange. Larger: only strong signs are added."""
ROBUST_FROM, ROBUST_TO = 0.15, 0.04
"""Shares between which the tail's law is read where the accounts may hold thieves: up to a twenty-fifth do not bend it."""
_LEAST_SCALE = 1e-9
_DEGENERATE = 0.25
"""Slope, in the reading's own unit, where all honest readings were the same: nothing says how rare another one is."""


@packable
@dataclass(frozen=True, slots=True)
class Fusion:
    """Honest quantiles (detectors, grid) at the shares ``above`` (grid,), and the slopes beyond the last, (detectors,).

    ``robust`` holds a second start and slope, (detectors, 2): the tail's law without its last part.
    """

    above: FloatArray
    quantiles: FloatArray
    slopes: FloatArray
    robust: FloatArray

    @classmethod
    def fit(cls, readings: FloatArray) -> Self:
        """From honest readings at one number of rows, shape (accounts, detectors), NaN where a detector says nothing."""
        accounts, count = readings.shape
        least = min(1 / max(accounts, 1), SHOULDER / 2)
        above = np.r_[np.linspace(1.0, SHOULDER, EVEN, endpoint=False), np.geomspace(SHOULDER, least, GEOMETRIC)]
        quantiles, slopes, robust = np.zeros((count, len(above))), np.ones(count), np.ones((count, 2))
        for column in range(count):
            known = np.sort(readings[:, column][np.isfinite(readings[:, column])])
            if not len(known):
                continue
            quantiles[column] = np.quantile(known, 1 - above, method="higher")  # interpolated, one far account is a steep tail
            slopes[column] = _slope(quantiles[column, EVEN], quantiles[column, -1], SHOULDER / least)
            start, end = np.quantile(known, [1 - ROBUST_FROM, 1 - ROBUST_TO])
            robust[column] = end, _slope(float(start), float(end), ROBUST_FROM / ROBUST_TO)
        return cls(above, quantiles, slopes, robust)

    def rarities(self, readings: FloatArray) -> FloatArray:
        """Minus the logarithm of the honest share with a reading as large, shape (accounts, detectors); NaN as 0."""
        shares = -np.log(self.above)
        rarity = np.zeros(readings.shape)
        for column, known in enumerate(self.quantiles):
            reading = np.nan_to_num(readings[:, column], nan=-np.inf)
            # The share strictly below counts: readings that many honest accounts have are not rare.
            place = np.searchsorted(known, reading, side="left")
            low, high = np.maximum(place - 1, 0), np.minimum(place, len(known) - 1)
            span = np.maximum(known[high] - known[low], _LEAST_SCALE)
            part = np.clip((np.maximum(reading, known[0]) - known[low]) / span, 0.0, 1.0)
            inside = np.where(place == 0, 0.0, shares[low] + (shares[high] - shares[low]) * part)
            rarity[:, column] = inside + np.maximum(reading - known[-1], 0.0) / self.slopes[column]
        return np.where(np.isfinite(readings), rarity, 0.0)

    def scores(self, readings: FloatArray) -> FloatArray:
        """One number an account, shape (accounts,): the rarities beyond PLAIN, added; larger is stranger."""
        return _added(self.rarities(readings))

    def robust_scores(self, readings: FloatArray) -> FloatArray:
        """The same where thieves may be among the accounts that this was learned from: nobody hides behind his likes."""
        start, slope = self.robust.T
        beyond = -np.log(ROBUST_TO) + np.maximum(np.nan_to_num(readings, nan=-np.inf) - start, 0.0) / slope
        return _added(np.where(readings > start, beyond, self.rarities(readings)))


def _slope(start: float, end: float, ratio: float) -> float:
    """How far a reading moves while the share above it falls by a factor of e."""
    return max((end - start) / np.log(ratio), _LEAST_SCALE) if end > start else _DEGENERATE


def _added(rarities: FloatArray) -> FloatArray:
    ahead: npt.NDArray[np.float64] = np.maximum(rarities - PLAIN, 0.0).sum(axis=1)
    return ahead
