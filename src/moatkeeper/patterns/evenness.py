"""Evenness: inputs that are spread over the range of each column more evenly than any customer's are.

Random, gridded and stratified queries fill the range of a column; customers' values crowd in a few places. Each column's
range is cut into parts of equal width, and the entropy of the account's counts over the parts is compared with what honest
accounts show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.complete import complete, ordinary_gaps
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch, State
from moatkeeper.sketch.counts import Counts

PARTS = 8  # of a column's range; larger: finer, more memory and more rows needed
MOST_COLUMNS = 32
"""That are looked at: those in which honest accounts are most alike."""
RARE = 0.005  # share of honest values at each end of a column that does not count as its range
LEAST_ROWS = 16  # of an honest account that a column's spread is learned from
LEAST_ACCOUNTS = 20
_LEAST_SPREAD = 0.02  # of an entropy between accounts, in units of the largest; a constant column's would be 0


@packable
@dataclass(frozen=True, slots=True)
class FittedEvenness:
    """The columns looked at, shape (c,), their ranges, and the middle and spread of their entropies among honest accounts.

    ``gaps`` are those of all columns that honest rows leave empty now and then.
    """

    columns: IntArray
    low: npt.NDArray[np.float32]
    width: npt.NDArray[np.float32]
    middle: FloatArray
    spread: FloatArray
    gaps: npt.NDArray[np.bool_]

    def sketches(self) -> Mapping[str, Sketch]:
        """Rows by part, a histogram for each column."""
        return {"parts": Counts(len(self.columns) * PARTS)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Each row's part of each column; -1 without a proper place."""
        parts = _parts(rows.points[:, self.columns], self.low, self.width)
        return {"parts": np.where(complete(rows, self.gaps)[:, None], parts, -1)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The mean excess of entropy over the columns, in standard deviations between honest accounts; NaN without rows."""
        entropies = _entropies(states["parts"])
        known = states["parts"].sum(axis=1) > 0
        return np.where(known, ((entropies - self.middle) / self.spread).mean(axis=1), np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """The mean entropy, and that of honest accounts."""
        found, usual = float(_entropies(states["parts"]).mean()), float(self.middle.mean())
        return (
            f"{int(counts[0])} rows fill the ranges of {len(self.columns)} columns with an evenness of {found:.2f}, "
            f"where 1 is uniform; honest customers have {usual:.2f}"
        )


@dataclass(frozen=True, slots=True)
class Evenness:
    """The detector, before it knows a model."""

    name: str = "evenness"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "fills the range of each input as evenly as a random generator or a grid does"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where too few honest accounts have enough rows, no column has a range, or coordinates are no columns."""
        inputs = rows.batch.inputs
        if inputs is None or inputs.shape[1] != rows.points.shape[1]:
            return None
        owners, sizes = np.unique(rows.batch.accounts, return_counts=True)
        enough = np.isin(rows.batch.accounts, owners[sizes >= LEAST_ROWS])
        if int(np.sum(sizes >= LEAST_ROWS)) < LEAST_ACCOUNTS:
            return None
        low, high = np.quantile(rows.points, [RARE, 1 - RARE], axis=0).astype(np.float32)
        wide = np.flatnonzero(high > low)
        if not len(wide):
            return None
        low, width = low[wide], (high - low)[wide]
        _, numbers = np.unique(rows.batch.accounts[enough], return_inverse=True)
        histograms = Counts(len(wide) * PARTS)
        state = histograms.empty(int(numbers.max()) + 1)
        histograms.fold(state, numbers, _parts(rows.points[enough][:, wide], low, width))
        entropies = _entropies(state)
        spread = np.maximum(entropies.std(axis=0), _LEAST_SPREAD)
        best = np.sort(np.argsort(spread, kind="stable")[:MOST_COLUMNS])
        middle = entropies.mean(axis=0)
        return FittedEvenness(wide[best], low[best], width[best], middle[best], spread[best], ordinary_gaps(rows))


def _parts(points: npt.NDArray[np.float32], low: npt.NDArray[np.float32], width: npt.NDArray[np.float32]) -> IntArray:
    part = np.clip((points - low) * (PARTS / width), 0, PARTS - 1).astype(np.int64)
    return np.asarray(part + np.arange(len(low)) * PARTS, dtype=np.int64)


def _entropies(state: State) -> FloatArray:
    """Of each account and column, in units of the largest, shape (accounts, c)."""
    histograms = state.reshape(len(state), -1, PARTS).astype(np.float64)
    shares = histograms / np.maximum(histograms.sum(axis=2, keepdims=True), 1)
    logarithms = np.log(np.maximum(shares, 1e-12))
    return np.asarray(-(shares * logarithms).sum(axis=2) / np.log(PARTS), dtype=np.float64)
