"""Fusion: the readings of all detectors as one score, by how rare each is among honest accounts at the same number of rows.

A score need not be a probability: the conformal ranks in calibration.py make it one. It has to grow when one reading is far
out, and a little more when several are, and to go on growing beyond everything that was seen, so that thieves are not tied
with the strangest honest account. Within what was seen, rarity is the honest share itself: honest minorities (who send only
hard cases, who change one field at a time) make their readings common. Beyond it, the spread of the strangest goes on.
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
PLAIN = np.log(500.0)
"""Rarity below which a reading adds nothing: one honest account in five hundred is as strange. Larger: only strong signs are
added, and many weak detectors cost the strong ones less."""
PLAIN_SHARE = 0.5
"""With fewer accounts, rarity up to this share of the rarest that they show adds nothing."""
TOP_SHARE, TOP_LEAST = 0.02, 3
"""Honest accounts whose mean excess is the unit in which rarity grows beyond the strangest: a share, and at least so many."""
LEAST_UNIT = 0.01
"""Of that unit, in the reading's own: a hundredth of a standard deviation, or of the share of rows that a reading is."""
SPREAD_SHARE = 0.05
"""Of the standard deviation of all honest readings, below which that unit does not fall either."""
DEGENERATE = 0.25
"""The unit, in the reading's own, where all honest readings were the same: nothing says how rare another one is."""
MOST_RARE = 500.0
"""Rarity that nothing exceeds, so that scores stay finite."""
ROBUST_FROM, ROBUST_TO = 0.15, 0.04
"""Shares between which the tail's law is read where the accounts may hold thieves: up to a twenty-fifth do not bend it."""
ROBUST_PLAIN = -np.log(ROBUST_TO)
"""Rarity below which a reading adds nothing there: what lies beyond the law's last part alone counts."""


@packable
@dataclass(frozen=True, slots=True)
class Fusion:
    """Honest quantiles (detectors, grid) at the shares ``above`` (grid,).

    ``unit`` (detectors,) is what one step of rarity costs beyond the last. ``robust`` holds a second start and unit,
    (detectors, 2): the tail's law without its last part.
    """

    above: FloatArray
    quantiles: FloatArray
    unit: FloatArray
    robust: FloatArray

    @classmethod
    def fit(cls, readings: FloatArray) -> Self:
        """From honest readings at one number of rows, shape (accounts, detectors), NaN where a detector says nothing."""
        accounts, count = readings.shape
        least = min(1 / (accounts + 1), SHOULDER / 2)
        above = np.r_[np.linspace(1.0, SHOULDER, EVEN, endpoint=False), np.geomspace(SHOULDER, least, GEOMETRIC)]
        quantiles, unit, robust = np.zeros((count, len(above))), np.ones(count), np.ones((count, 2))
        for column in range(count):
            known = np.sort(readings[:, column][np.isfinite(readings[:, column])])
            if not len(known):
                continue
            quantiles[column] = np.quantile(known, 1 - above)
            quantiles[column, -1] = known[-1]
            unit[column] = _unit(known)
            start, end = np.quantile(known, [1 - ROBUST_FROM, 1 - ROBUST_TO])
            law = float(end - start) / np.log(ROBUST_FROM / ROBUST_TO)
            robust[column] = end, max(law, _least_unit(known)) if end > start else DEGENERATE
        return cls(above, quantiles, unit, robust)

    @property
    def plain(self) -> float:
        """Rarity below which a reading adds nothing."""
        return min(float(PLAIN), float(np.log(PLAIN_SHARE) - np.log(self.above[-1])))

    def rarities(self, readings: FloatArray) -> FloatArray:
        """Minus the logarithm of the honest share with a reading as large, shape (accounts, detectors); NaN as 0."""
        shares = -np.log(self.above)
        rarity = np.zeros(readings.shape)
        for column, known in enumerate(self.quantiles):
            reading = np.where(np.isnan(readings[:, column]), -np.inf, readings[:, column])
            # The share strictly below counts: readings that many honest accounts have are not rare.
            place = np.searchsorted(known, reading, side="left")
            low, high = np.maximum(place - 1, 0), np.minimum(place, len(known) - 1)
            span = known[high] - known[low]
            part = (np.clip(reading, known[0], known[-1]) - known[low]) / np.where(span > 0, span, 1.0)
            inside = shares[low] + (shares[high] - shares[low]) * np.clip(part, 0.0, 1.0)
            rarity[:, column] = inside + _steps(reading - known[-1], self.unit[column])
        return np.asarray(np.minimum(rarity, MOST_RARE), dtype=np.float64)

    def scores(self, readings: FloatArray) -> FloatArray:
        """One number an account, shape (accounts,): the rarities beyond the plain, added; larger is stranger."""
        return _added(self.rarities(readings), self.plain)

    def robust_scores(self, readings: FloatArray) -> FloatArray:
        """The same where thieves may be among the accounts that this was learned from: nobody hides behind his likes."""
        start, unit = self.robust.T
        known = np.where(np.isnan(readings), -np.inf, readings)
        beyond = -np.log(ROBUST_TO) + _steps(known - start, unit)
        return _added(np.where(known > start, beyond, self.rarities(readings)), float(ROBUST_PLAIN))


def _unit(known: FloatArray) -> float:
    """How far a reading moves beyond the strangest of ``known`` (sorted) while its share falls by a factor of e."""
    if known[-1] <= known[0]:
        return DEGENERATE
    top = known[-max(int(len(known) * TOP_SHARE), TOP_LEAST) :]
    return max(float(np.mean(top - top[0])), _least_unit(known))


def _least_unit(known: FloatArray) -> float:
    return max(SPREAD_SHARE * float(np.std(known)), LEAST_UNIT)


def _steps(distance: FloatArray, unit: FloatArray | float) -> FloatArray:
    return np.asarray(np.clip(distance, 0.0, MOST_RARE * unit) / unit, dtype=np.float64)


def _added(rarities: FloatArray, plain: float) -> FloatArray:
    ahead: npt.NDArray[np.float64] = np.maximum(rarities - plain, 0.0).sum(axis=1)
    return ahead
