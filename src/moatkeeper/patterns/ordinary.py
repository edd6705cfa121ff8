"""How ordinary a value is among honest values like it: quantiles by group, with wider groups where a group is small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable

PROBABILITIES = np.geomspace(0.0003, 1.0, 48)
"""Of the quantiles that are kept: fine where values are small, because small ones are the strange ones."""
LEAST_GROUP = 1_000
"""Honest values below which a group is not compared with itself but with all; larger: coarser, steadier."""


@packable
@dataclass(frozen=True, slots=True)
class Ordinary:
    """Quantiles of honest values, shape (groups, quantiles). Smaller values are stranger."""

    quantiles: FloatArray

    @classmethod
    def fit(cls, values: FloatArray, groups: IntArray, count: int) -> Self:
        """From honest values, shape (n,), each of a group in [0, count); NaN are passed over."""
        known = np.isfinite(values)
        overall = np.quantile(values[known], PROBABILITIES) if known.any() else np.zeros(len(PROBABILITIES))
        quantiles = np.tile(overall, (count, 1))
        for group in np.unique(groups[known]).tolist():
            inside = values[known & (groups == group)]
            if len(inside) >= LEAST_GROUP:
                quantiles[group] = np.quantile(inside, PROBABILITIES)
        return cls(quantiles)

    def p_values(self, values: FloatArray, groups: IntArray) -> FloatArray:
        """The share of honest values of the same group that are as small, shape (n,); never too small for ties; NaN for NaN."""
        place = (self.quantiles[groups] <= values[:, None]).sum(axis=1)
        return np.where(np.isnan(values), np.nan, PROBABILITIES[np.minimum(place, len(PROBABILITIES) - 1)])
