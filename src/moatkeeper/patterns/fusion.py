"""Fusion: the readings of all detectors as one score, by how rare each is among honest accounts at the same number of rows.

A score need not be a probability: the conformal ranks in calibration.py make it one. It has to grow when one reading is far
out, and a little more when several are, and to go on growing beyond everything that was seen, so that thieves are not tied
with the strangest honest account. Each reading's rarity is read off the honest accounts themselves up to the strangest of
them, not off a law that their tail is taken to follow: honest readings have heavy tails (one customer in a hundred has hard
cases only, another varies one row all day), and a thin tail fitted below would make such customers stranger than any thief is
in another detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.packing import packable

STEPS = 48
"""Quantiles that are kept of each reading, evenly spaced in rarity: as many from 1 in 10 to 1 in 100 as on to 1 in 1,000."""
PLAIN = 100.0
"""A reading as strange as one honest account's in so many adds nothing. Larger: only strong signs are added, and many weak
detectors cost the strong ones less."""
PLAIN_SHARE = 0.1
"""With few accounts, the strangest tenth of them add something."""
TOP_SHARE, TOP_LEAST = 0.02, 3
"""Honest accounts whose mean excess is the unit in which rarity grows beyond the strangest: a share, and at least so many."""
LEAST_SCALE = 0.01
"""Of that unit, in the reading's own: a hundredth of a standard deviation, or of the share of rows that readings are."""
SCALE_SHARE = 0.05
"""Of the standard deviation of all honest readings, below which that unit does not fall either."""
MOST_RARE = 500.0
"""Rarity that nothing exceeds, so that scores stay finite."""


@packable
@dataclass(frozen=True, slots=True)
class Fusion:
    """Honest readings at one number of rows, by detector.

    ``quantiles`` (detectors, STEPS) ascend from the smallest reading to the largest, whose rarity is ``rarest`` (detectors,);
    ``unit`` (detectors,) is what one step of rarity costs beyond. A detector that never said anything has a ``rarest`` of 0.
    """

    quantiles: FloatArray
    rarest: FloatArray
    unit: FloatArray

    @classmethod
    def fit(cls, readings: FloatArray) -> Self:
        """From honest readings at one number of rows, shape (accounts, detectors), NaN where a detector says nothing."""
        count = readings.shape[1]
        quantiles, rarest, unit = np.zeros((count, STEPS)), np.zeros(count), np.ones(count)
        for column in range(count):
            known = np.sort(readings[:, column][np.isfinite(readings[:, column])])
            if not len(known):
                continue
            rarest[column] = np.log(len(known) + 1)
            places = (len(known) + 1) * (1 - np.exp(-np.linspace(0, rarest[column], STEPS))) - 1
            quantiles[column] = np.interp(places, np.arange(len(known)), known)
            top = known[-max(int(len(known) * TOP_SHARE), TOP_LEAST) :]
            unit[column] = max(float(np.mean(top - top[0])), SCALE_SHARE * float(np.std(known)), LEAST_SCALE)
        return cls(quantiles, rarest, unit)

    def rarities(self, readings: FloatArray) -> FloatArray:
        """Minus the logarithm of the honest share with a reading as large, shape (accounts, detectors); NaN as 0."""
        rarity = np.zeros(readings.shape)
        for column, known in enumerate(self.quantiles):
            if self.rarest[column] <= 0:
                continue
            reading = np.nan_to_num(readings[:, column], nan=known[0], posinf=np.finfo(np.float64).max)
            # The first of equal quantiles counts: a reading that most honest accounts share is not rare.
            above = np.clip(np.searchsorted(known, reading, side="left"), 1, STEPS - 1)
            width = known[above] - known[above - 1]
            within = np.clip((reading - known[above - 1]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
            inside = (above - 1 + within) * self.rarest[column] / (STEPS - 1)
            beyond = np.minimum(np.maximum(reading - known[-1], 0.0) / self.unit[column], MOST_RARE)
            rarity[:, column] = np.minimum(np.where(reading > known[-1], self.rarest[column], inside) + beyond, MOST_RARE)
        return np.where(np.isnan(readings), 0.0, rarity)

    def scores(self, readings: FloatArray) -> FloatArray:
        """One number an account, shape (accounts,): the rarities beyond the plain, added; larger is stranger."""
        plain = np.minimum(np.log(PLAIN), np.maximum(self.rarest + np.log(PLAIN_SHARE), 0.0))
        return np.asarray(np.maximum(self.rarities(readings) - plain, 0.0).sum(axis=1), dtype=np.float64)
