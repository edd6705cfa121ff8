"""Fusion: the readings of all detectors as one score, by how rare each is among honest accounts at the same number of rows.

A score need not be a probability: the conformal ranks in calibration.py make it one. It only has to grow when one reading
is far out or several are somewhat out, and to go on growing beyond everything that was seen, so that thieves are not tied with
the strangest honest account. Readings beyond the honest 95 % are therefore carried on by an exponential tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.packing import packable

GRID = np.r_[np.linspace(0.0, 0.9, 19), 0.925, 0.95]
"""Probabilities of the quantiles that are kept of each reading."""
TAIL = 1 - GRID[-1]
PLAIN = np.log(8.0)
"""Rarity below which a reading adds nothing: one honest account in eight is as strange. Larger: only strong signs are added."""
_LEAST_SCALE = 1e-9


@packable
@dataclass(frozen=True, slots=True)
class Fusion:
    """Quantiles of honest readings, shape (detectors, grid), and the mean excess beyond the last, shape (detectors,)."""

    quantiles: FloatArray
    excess: FloatArray

    @classmethod
    def fit(cls, readings: FloatArray) -> Self:
        """From honest readings at one number of rows, shape (accounts, detectors), NaN where a detector says nothing."""
        count = readings.shape[1]
        quantiles, excess = np.zeros((count, len(GRID))), np.ones(count)
        for column in range(count):
            known = np.sort(readings[:, column][np.isfinite(readings[:, column])])
            if not len(known):
                continue
            quantiles[column] = np.quantile(known, GRID)
            beyond = known[known > quantiles[column, -1]] - quantiles[column, -1]
            # The median, because the mean would grow with every thief who called while this was learned. A few values say
            # little about a tail, so the distance from the honest middle to its edge counts as one value more.
            middle = float(quantiles[column, -1] - quantiles[column, 0]) / 2
            excess[column] = max(float(np.median(np.r_[beyond, middle])) / np.log(2), _LEAST_SCALE)
        return cls(quantiles, excess)

    def rarities(self, readings: FloatArray) -> FloatArray:
        """Minus the logarithm of the honest share with a reading as large, shape (accounts, detectors); NaN as 0."""
        rarity = np.zeros(readings.shape)
        for column, known in enumerate(self.quantiles):
            reading = np.nan_to_num(readings[:, column], nan=-np.inf)
            inside = -np.log(np.maximum(1 - np.interp(reading, known, GRID), TAIL))
            beyond = np.maximum(reading - known[-1], 0.0) / self.excess[column]
            rarity[:, column] = np.where(reading > known[-1], -np.log(TAIL) + beyond, inside)
        return np.where(np.isfinite(readings), rarity, 0.0)

    def scores(self, readings: FloatArray) -> FloatArray:
        """One number an account, shape (accounts,): the rarities beyond PLAIN, added; larger is stranger."""
        rarity = self.rarities(readings)
        ahead: npt.NDArray[np.float64] = np.maximum(rarity - PLAIN, 0.0).sum(axis=1)
        return ahead
