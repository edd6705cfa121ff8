"""Shares: how much of an account's rows are of one sort, against what honest accounts show and how they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.packing import packable


@packable
@dataclass(frozen=True, slots=True)
class Share:
    """The mean share of honest accounts, and its variance between them beyond that of chance."""

    mean: float
    between: float

    @classmethod
    def fit(cls, hits: FloatArray, totals: FloatArray) -> Self:
        """From the rows of that sort and all rows of each honest account, shape (accounts,); those without rows say nothing."""
        seen = totals > 0
        shares, sizes = hits[seen] / totals[seen], totals[seen]
        if not len(shares):
            return cls(0.0, 0.0)
        mean = float(np.mean(shares))
        by_chance = float(np.mean(mean * (1 - mean) / sizes))
        return cls(mean, max(float(np.var(shares)) - by_chance, 0.0))

    def excess(self, hits: FloatArray, totals: FloatArray) -> FloatArray:
        """How far each account lies above honest ones in standard deviations between them; NaN without rows.

        One row more is added to the variance: a first row of a sort that was never seen is not yet infinitely odd.
        """
        spread = np.sqrt(totals * self.mean * (1 - self.mean) + totals**2 * self.between + 1)
        return np.where(totals > 0, (hits - totals * self.mean) / spread, np.nan)
