"""Pivot: an account whose requests come right after a model's release, more than other customers' do.

A copying campaign moves to a new model on its first day. So do many customers: the share of an account's requests in the
first hours and days is compared with what honest accounts show, and only where the honest traffic has seen a release at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

AGES_S = np.array([3_600.0, 6 * 3_600.0, 86_400.0, 3 * 86_400.0, 7 * 86_400.0])
"""Ages of a model up to which a request counts as early, in seconds."""
DAY = 2
"""The place of one day in AGES_S."""
LEAST_EARLY = 0.005
"""Share of honest rows on the first day below which no release was seen, and nothing is said."""
LEAST_ACCOUNTS = 20
"""Honest accounts with rows on the first day below which nothing is said."""


@packable
@dataclass(frozen=True, slots=True)
class FittedPivot:
    """The share of honest rows up to each age, shape (ages,)."""

    honest: FloatArray

    def sketches(self) -> Mapping[str, Sketch]:
        """Rows by age of the model."""
        return {"ages": Counts(len(AGES_S) + 1)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's age; -1 where it is missing."""
        age = rows.batch.model_age
        if age is None:
            return {"ages": np.full((len(rows), 1), -1, dtype=np.int64)}
        return {"ages": np.where(np.isfinite(age), np.searchsorted(AGES_S, age), -1)[:, None]}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """How far early rows exceed the honest share, in standard deviations, at the most conspicuous age; NaN without ages."""
        early, rows = _early(states)
        excess = (early - rows * self.honest) / np.sqrt(rows * self.honest * (1 - self.honest) + 1)
        return np.where(rows[:, 0] > 0, excess.max(axis=1), np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """The share of rows on a model's first day."""
        early, rows = _early(states)
        share = float(early[0, DAY] / max(float(rows[0, 0]), 1.0))
        return f"{share:.0%} of {int(rows[0, 0])} rows came within a day of a release; of honest rows {self.honest[DAY]:.1%}"


@dataclass(frozen=True, slots=True)
class Pivot:
    """The detector, before it knows a model."""

    name: str = "pivot"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "turns to a model right after its release, more than customers do"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where the log does not say how old the model was, or honest traffic saw no release."""
        age = rows.batch.model_age
        if age is None or not np.isfinite(age).any():
            return None
        known = np.isfinite(age)
        early = known & (age <= AGES_S[DAY])
        honest = (age[known][:, None] <= AGES_S).mean(axis=0)
        if honest[DAY] < LEAST_EARLY or len(np.unique(rows.batch.accounts[early])) < LEAST_ACCOUNTS:
            return None
        return FittedPivot(honest)


def _early(states: States) -> tuple[FloatArray, FloatArray]:
    ages = states["ages"].astype(np.float64)
    return np.cumsum(ages, axis=1)[:, :-1], ages.sum(axis=1, keepdims=True)
