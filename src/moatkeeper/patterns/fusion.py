"""Fusion: the readings of all detectors as one score, by how rare each is among honest accounts at the same number of rows.

A score need not be a probability: the conformal ranks in calibration.py make it one. It has to grow when one reading is far
out, and a little more when several are, and to go on growing beyond everything that was seen, so that thieves are not tied
with the strangest honest account. Each reading's rarity is read off the honest accounts themselves up to the strangest of them,
not off a law that their tail is taken to follow: honest readings have heavy tails (one customer in a hundred has hard cases
only, another varies one row all day), and under a thin tail such customers would be stranger than any thief.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.packing import packable

GRID = np.r_[np.linspace(0.0, 0.9, 19), 0.925, 0.95]
"""Probabilities of the quantiles that are kept of the bulk of each reading."""
TAIL = 1 - GRID[-1]
"""Share of honest accounts beyond the bulk, where quantiles lie evenly in rarity."""
STEPS = 24
"""Quantiles that are kept of the tail: from 1 in 20 to the strangest account; larger: finer ranks, more memory."""
PLAIN = np.log(200.0)
"""Rarity below which a reading adds nothing: one honest account in two hundred is as strange. Larger: only strong signs are
added, and many weak detectors cost the strong ones less."""
PLAIN_SHARE = 0.1
"""With few accounts, the strangest tenth of them add something."""
TOP_SHARE, TOP_LEAST = 0.02, 3
"""Honest accounts whose mean excess is the unit in which rarity grows beyond the strangest: a share, and at least so many."""
LEAST_SCALE = 0.01
"""Of that unit, and of a typical excess, in the reading's own: a hundredth of a standard deviation, or of the share of rows."""
SPREAD_SHARE = 0.05
"""Of the standard deviation of all honest readings, below which that unit does not fall either."""
MOST_RARE = 500.0
"""Rarity that nothing exceeds, so that scores stay finite."""


@packable
@dataclass(frozen=True, slots=True)
class Fusion:
    """Honest readings at one number of rows, by detector.

    ``quantiles`` (detectors, grid) are those of the bulk, ``tail`` (detectors, STEPS) go on to the strangest account, whose
    rarity is ``rarest``; ``unit`` (detectors,) is what one step of rarity costs beyond. ``excess`` (detectors,) is the typical
    distance of the tail from the bulk, which a few thieves among the honest do not move.
    """

    quantiles: FloatArray
    tail: FloatArray
    unit: FloatArray
    excess: FloatArray
    rarest: float

    @classmethod
    def fit(cls, readings: FloatArray) -> Self:
        """From honest readings at one number of rows, shape (accounts, detectors), NaN where a detector says nothing."""
        accounts, count = readings.shape
        rarest = max(float(np.log(accounts + 1)), -float(np.log(TAIL)))
        shares = np.exp(-np.linspace(-np.log(TAIL), rarest, STEPS))
        quantiles, tail = np.zeros((count, len(GRID))), np.zeros((count, STEPS))
        unit, excess = np.ones(count), np.ones(count)
        for column in range(count):
            known = np.sort(readings[:, column][np.isfinite(readings[:, column])])
            if not len(known):
                continue
            quantiles[column] = np.quantile(known, GRID)
            tail[column] = np.maximum(np.quantile(known, 1 - shares), quantiles[column, -1])
            tail[column, -1] = known[-1]
            top = known[-max(int(len(known) * TOP_SHARE), TOP_LEAST) :]
            unit[column] = max(float(np.mean(top - top[0])), SPREAD_SHARE * float(np.std(known)), LEAST_SCALE)
            excess[column] = _typical_excess(known, quantiles[column])
        return cls(quantiles, tail, unit, excess, rarest)

    @property
    def plain(self) -> float:
        """Rarity below which a reading adds nothing."""
        return min(float(PLAIN), max(self.rarest + float(np.log(PLAIN_SHARE)), 0.0))

    def rarities(self, readings: FloatArray) -> FloatArray:
        """Minus the logarithm of the honest share with a reading as large, shape (accounts, detectors); NaN as 0."""
        rarity = np.zeros(readings.shape)
        levels = np.r_[-np.log(1 - GRID[:-1]), np.linspace(-np.log(TAIL), self.rarest, STEPS)]
        for column in range(len(self.quantiles)):
            known = np.r_[self.quantiles[column, :-1], self.tail[column]]
            reading = np.nan_to_num(readings[:, column], nan=-np.inf, posinf=np.finfo(np.float64).max)
            inside = _interpolated(reading, known, levels)
            beyond = np.clip(reading - known[-1], 0.0, MOST_RARE * self.unit[column]) / self.unit[column]
            rarity[:, column] = np.minimum(inside + beyond, MOST_RARE)
        return np.where(np.isnan(readings), 0.0, rarity)

    def scores(self, readings: FloatArray) -> FloatArray:
        """One number an account, shape (accounts,): the rarities beyond the plain, added; larger is stranger."""
        return np.asarray(np.maximum(self.rarities(readings) - self.plain, 0.0).sum(axis=1), dtype=np.float64)

    def distances(self, readings: FloatArray) -> FloatArray:
        """How far out accounts lie in tails' typical excesses, shape (accounts,): for telling thieves among the honest.

        Other than a score it does not depend on how many accounts are as strange, so that thieves do not hide each other.
        """
        known = np.where(np.isnan(readings), -np.inf, readings)
        outside = np.clip(known - self.quantiles[:, -1], 0.0, MOST_RARE * self.excess) / self.excess
        return np.asarray(outside.sum(axis=1), dtype=np.float64)


def _interpolated(reading: FloatArray, known: FloatArray, levels: FloatArray) -> FloatArray:
    """The level of each reading. Of equal quantiles the first counts: what most honest accounts share is not rare."""
    above = np.clip(np.searchsorted(known, reading, side="left"), 1, len(known) - 1)
    width = known[above] - known[above - 1]
    step = np.maximum(np.minimum(reading, known[-1]) - known[above - 1], 0.0)
    within: npt.NDArray[np.float64] = np.minimum(step / np.where(width > 0, width, 1.0), 1.0)
    level = levels[above - 1] + within * (levels[above] - levels[above - 1])
    return np.where(reading > known[-1], levels[-1], level)


def _typical_excess(known: FloatArray, quantiles: FloatArray) -> float:
    beyond = known[known > quantiles[-1]] - quantiles[-1]
    # The median, because the mean would grow with every thief who called while this was learned. A few values say little about
    # a tail, so the distance from the honest middle to its edge counts as one value more.
    middle = float(quantiles[-1] - quantiles[0]) / 2
    return max(float(np.median(np.r_[beyond, middle])) / float(np.log(2)), LEAST_SCALE)
