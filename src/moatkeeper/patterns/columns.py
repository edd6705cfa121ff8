"""Columns of a table: which values honest traffic has, and how each value becomes a code and a coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.packing import packable

MOST_VALUES = 64
"""A column with at most so many values is a list of them; larger: more memory, fewer values that can be impossible."""
BINS = 16
"""Of a column with more values, by quantiles."""
LEVELS = MOST_VALUES + 2
"""Codes: the values or bins, then one for what was never seen and one for what is missing."""
UNSEEN, MISSING = MOST_VALUES, MOST_VALUES + 1
FARTHEST = 6.0
"""Coordinates are held to within this many standard deviations: one outlier must not outweigh all other columns."""
LEAST_SHARE = 2e-5
"""Of the rows, that a value needs before it counts as one that honest traffic has; the least is two rows."""
LARGEST = 1e100
"""Larger numbers are taken for this one where numbers are reckoned with: their squares must not overflow."""
SLACK = 0.05
"""A number may lie this share of the range outside the honest bounds before it is odd."""


@packable
@dataclass(frozen=True, slots=True)
class Columns:
    """What is ordinary for d columns.

    ``values`` (d, MOST_VALUES) lists the values of a discrete column in order, filled up with infinity; of another it holds
    the upper edges of its bins. A column that never had a value in honest traffic is never odd.
    """

    discrete: npt.NDArray[np.bool_]  # (d,)
    values: FloatArray  # (d, MOST_VALUES)
    whole: npt.NDArray[np.bool_]  # (d,): all honest values were whole numbers
    low: FloatArray  # (d,)
    high: FloatArray
    centre: FloatArray
    spread: FloatArray

    @classmethod
    def fit(cls, inputs: FloatArray) -> Self:
        """The columns of honest rows, shape (n, d); NaN and infinity are passed over."""
        parts = [_fit(column[np.isfinite(column)]) for column in inputs.T]
        return cls(*(np.array(part) for part in zip(*parts, strict=True)))

    @property
    def width(self) -> int:
        """d."""
        return len(self.discrete)

    def encode(self, inputs: FloatArray) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Codes, points and what is odd, each of shape (n, d)."""
        codes = np.empty(inputs.shape, dtype=np.int16)
        odd = np.zeros(inputs.shape, dtype=bool)
        missing = ~np.isfinite(inputs)
        plain = np.where(missing, self.centre, inputs)
        for column in range(self.width):
            given, known = plain[:, column], self.values[column]
            place = np.searchsorted(known, given)
            if self.discrete[column]:
                place = np.minimum(place, MOST_VALUES - 1)
                seen = known[place] == given
                codes[:, column] = np.where(seen, place, UNSEEN)
                odd[:, column] = ~seen
            else:
                codes[:, column] = place
        outside = (plain < self.low) | (plain > self.high)
        fraction = self.whole & (plain != np.rint(plain))
        odd |= (outside | fraction) & np.isfinite(self.low)
        codes[missing] = MISSING
        held = np.clip(plain, -LARGEST, LARGEST)
        points = np.clip((held - self.centre) / self.spread, -FARTHEST, FARTHEST)
        points[missing] = 0.0
        return codes, points.astype(np.float32), odd & ~missing


def _fit(column: FloatArray) -> tuple[bool, FloatArray, bool, float, float, float, float]:
    known = np.full(MOST_VALUES, np.inf)
    if not len(column):
        return False, known, False, -np.inf, np.inf, 0.0, 1.0
    values, counts = np.unique(column, return_counts=True)
    whole = bool(np.all(values == np.rint(values)))
    held = np.clip(column, -LARGEST, LARGEST)
    centre, spread = float(np.mean(held)), float(np.std(held)) or 1.0
    kept = values[counts >= max(2, LEAST_SHARE * len(column))]
    if 0 < len(kept) <= MOST_VALUES and len(values) <= 2 * MOST_VALUES:
        known[: len(kept)] = kept
        return True, known, whole, -np.inf, np.inf, centre, spread
    edges = np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1]))
    known[: len(edges)] = edges
    margin = SLACK * float(min(values[-1], LARGEST) - max(values[0], -LARGEST))
    return False, known, whole, float(values[0]) - margin, float(values[-1]) + margin, centre, spread
