"""Rows that are rare one by one, counted an account: more of them than honest accounts have, at whatever degree of rarity.

Every row has a p-value against honest rows like it. An account's count of rows below each of a few levels is compared with what
honest accounts show; customers differ from each other (rows of one account resemble each other), so the spread is that of a
beta-binomial, learned from honest accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.sketch.base import State

LEVELS = np.array([0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001])
"""Below which rows are counted. The lower ones see a few very odd rows among many plain ones."""
WIDTH = len(LEVELS) + 1
_MOST_ALIKE = 0.9  # of the correlation between rows of one account
_LEAST_SHARE = 1e-5  # of rows below a level: none at all among the honest ones does not mean never


@packable
@dataclass(frozen=True, slots=True)
class Tails:
    """The share of honest rows below each level, and how alike the rows of one account are; both (levels,)."""

    share: FloatArray
    alike: FloatArray

    @classmethod
    def fit(cls, p_values: FloatArray, accounts: IntArray, counted: npt.NDArray[np.bool_] | None = None) -> Self:
        """From the p-values of honest rows, shape (n,); NaN are passed over, and rows that are not ``counted`` too."""
        known = ~np.isnan(p_values) if counted is None else ~np.isnan(p_values) & counted
        _, owners = np.unique(accounts[known], return_inverse=True)
        below = (p_values[known][:, None] <= LEVELS).astype(np.float64)
        sizes = np.bincount(owners).astype(np.float64) if len(owners) else np.zeros(0)
        share = np.maximum(below.mean(axis=0) if len(below) else LEVELS, _LEAST_SHARE)
        alike = np.zeros(len(LEVELS))
        pairs = float(np.sum(sizes * (sizes - 1)))
        if pairs > 0:
            for level in range(len(LEVELS)):
                counts = np.bincount(owners, weights=below[:, level], minlength=len(sizes))
                together = float(np.sum(counts * (counts - 1))) / pairs
                spread = share[level] * (1 - share[level])
                alike[level] = np.clip((together - share[level] ** 2) / spread, 0.0, _MOST_ALIKE) if spread > 0 else 0.0
        return cls(share, alike)

    @staticmethod
    def marks(p_values: FloatArray) -> npt.NDArray[np.int64]:
        """The bin of each row, shape (n, 1): 0 above all levels, then one for each level; -1 for NaN."""
        bins = (p_values[:, None] <= LEVELS).sum(axis=1)
        return np.where(np.isnan(p_values), -1, bins)[:, None]

    def read(self, tallies: State, share: FloatArray | None = None) -> FloatArray:
        """How far the most conspicuous level lies above what honest accounts show, in standard deviations; NaN without rows.

        ``tallies`` are the counts of the bins, shape (accounts, WIDTH). A ``share`` of them alone, (accounts,), is counted:
        that of different rows, where sending a row again is no new choice.
        """
        below = np.cumsum(tallies[:, ::-1], axis=1)[:, ::-1].astype(np.float64)
        if share is not None:
            below *= share[:, None]
        rows = below[:, :1]
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = rows * self.share
            spread = np.sqrt(expected * (1 - self.share) * (1 + (rows - 1) * self.alike) + 1)
            readings = np.max((below[:, 1:] - expected) / spread, axis=1)
        return np.where(rows[:, 0] > 0, readings, np.nan)

    def explain(self, tallies: State, what: str) -> str:
        """The counts behind a single account's reading, in words."""
        below = np.cumsum(tallies[0, ::-1])[::-1]
        level = int(np.argmax((below[1:] - below[0] * self.share) / np.sqrt(below[0] * self.share + 1)))
        rows, found = int(below[0]), int(below[level + 1])
        return f"{found} of {rows} rows {what}; of as many rows of honest customers {rows * self.share[level]:.2g} would"
