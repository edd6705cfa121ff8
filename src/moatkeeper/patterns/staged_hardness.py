"""Staged hardness: rows that the model learned late, more of them than customers have who ask about the same things.

Sadeghzadeh, Sobhanian, Dehghan and Jalili 2021 (HODA): a row's hardness is the first of the model's earlier stages from which
on the answer stays what it is. Deviations: the accounts' hardness is compared within a region and a class, one-sided and
between accounts, where the paper correlates its histogram with that of all honest rows; and the stages are whatever the
operator has (boosting rounds, checkpoints, early exits), where the paper takes eleven epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.ordinary import Ordinary
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts


@packable
@dataclass(frozen=True, slots=True)
class FittedStagedHardness:
    """How rare a hardness is in its region and class, and how accounts differ in that; ``stages`` are the model's."""

    stages: int
    classes: int
    ordinary: Ordinary
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value; none where the stages are missing."""
        found = rows.batch.stages
        if found is None or found.ndim != 2 or found.shape[1] != self.stages:
            return {"tallies": np.full((len(rows), 1), -1)}
        return {"tallies": Tails.marks(self.ordinary.p_values(-hardness(found), _groups(rows, self.classes)))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of hard rows in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"])

    def explain(self, states: States, counts: IntArray) -> str:
        """How many rows were hard."""
        return self.tails.explain(states["tallies"], "were decided by the last stages of the model only")


@dataclass(frozen=True, slots=True)
class StagedHardness:
    """The detector, before it knows a model."""

    name: str = "staged-hardness"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "asks about cases that the model learned last, more than customers with the same kind of cases do"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where the operator offers no stages."""
        found = rows.batch.stages
        if found is None or found.ndim != 2 or found.shape[1] < 2:
            return None
        values, groups = -hardness(found), _groups(rows, rows.classes)
        ordinary = Ordinary.fit(values, groups, rows.cell_count * rows.classes)
        tails = Tails.fit(ordinary.p_values(values, groups), rows.batch.accounts)
        return FittedStagedHardness(found.shape[1], rows.classes, ordinary, tails)


def hardness(stages: IntArray) -> FloatArray:
    """The stage from which on the answer stays, (n, s) -> (n,), in [0, s - 1]; 0 where it never changes; NaN for -1."""
    changed = stages[:, 1:] != stages[:, :-1]
    last = changed.shape[1] - np.argmax(changed[:, ::-1], axis=1)
    found = np.where(changed.any(axis=1), last, 0).astype(np.float64)
    return np.where((stages < 0).any(axis=1), np.nan, found)


def _groups(rows: Rows, classes: int) -> IntArray:
    return rows.cells * classes + np.maximum(rows.labels, 0)
