"""Ranks: how rare a number is among honest rows of the same group, as a p-value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable

PROBABILITIES = np.geomspace(0.0005, 1.0, 40)
"""Quantiles that are kept of each group: fine where numbers are small."""
LEAST_GROUP = 200
"""Honest rows below which a group has only the quantiles of all; larger: coarser, steadier."""


@packable
@dataclass(frozen=True, slots=True)
class Ranks:
    """Quantiles of honest numbers by group, shape (groups, 40). Small numbers are rare: turn a number's sign for the others."""

    quantiles: FloatArray

    @classmethod
    def fit(cls, numbers: FloatArray, groups: IntArray, count: int) -> Self:
        """From honest rows, shape (n,) each; NaN are passed over, and at least one number must be known."""
        known = np.isfinite(numbers)
        quantiles = np.tile(np.quantile(numbers[known], PROBABILITIES), (count, 1))
        sizes = np.bincount(groups[known], minlength=count)
        for group in np.flatnonzero(sizes >= LEAST_GROUP).tolist():
            quantiles[group] = np.quantile(numbers[known & (groups == group)], PROBABILITIES)
        return cls(quantiles)

    def p_values(self, numbers: FloatArray, groups: IntArray) -> FloatArray:
        """The share of honest rows of the group with a number as small, shape (n,); never too small for ties; NaN for NaN."""
        place = (self.quantiles[groups] <= np.nan_to_num(numbers)[:, None]).sum(axis=1)
        p_values = PROBABILITIES[np.minimum(place, len(PROBABILITIES) - 1)]
        return np.where(np.isnan(numbers), np.nan, p_values)
