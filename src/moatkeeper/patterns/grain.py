"""Grain: numbers with more digits than honest numbers have.

Amounts are round, ages whole, prices end in .99 and measurements have their instrument's digits. Steps, averages and random
draws have none of these habits. The grain of a number is the largest power of ten that it is a multiple of; a row is scored by
how common the grains of its numbers are in their columns, among numbers of about the same size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.distinct import distinct_share, first_times
from moatkeeper.patterns.encoder import WIDEST_TABLE
from moatkeeper.patterns.ordinary import Ordinary
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

POWERS = np.arange(5, -7, -1)
"""Powers of ten, coarse to fine; a number finer than the last has the grain after it."""
GRAINS = len(POWERS) + 2  # and finer, and zero
_ONES = 5  # the place of 10^0
SIZES = 8
"""Of numbers, by powers of ten from a hundredth to a hundred thousand: small numbers cannot be round to thousands."""
_SMALLEST = -2
_EXACT = 1e-9  # of a number's own size, within which it is a multiple
_BY_CHANCE = 1.0  # honest numbers that every grain is lent


@packable
@dataclass(frozen=True, slots=True)
class FittedGrain:
    """Minus the surprise of each grain, shape (columns, SIZES, GRAINS), over the chosen columns of a table."""

    chosen: IntArray
    common: FloatArray
    ordinary: Ordinary
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def scores(self, inputs: FloatArray) -> FloatArray:
        """The mean commonness of a row's grains, shape (n,); missing numbers count as usual ones."""
        sizes, grains = size_and_grain(inputs[:, self.chosen])
        found = self.common[np.arange(len(self.chosen)), sizes, grains]
        return np.asarray(np.where(grains < 0, 0.0, found).mean(axis=1), dtype=np.float64)

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value."""
        inputs = rows.batch.inputs
        if inputs is None:
            return {"tallies": np.full((len(rows), 1), -1)}
        return {"tallies": Tails.marks(self.ordinary.p_values(self.scores(inputs), np.zeros(len(rows), dtype=np.int64)))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of rows with unusual digits, in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"], distinct_share(states, counts))

    def explain(self, states: States, counts: IntArray) -> str:
        """How many rows have unusual digits."""
        return self.tails.explain(states["tallies"], "hold numbers with digits that real ones do not have")


@dataclass(frozen=True, slots=True)
class Grain:
    """The detector, before it knows a model."""

    name: str = "grain"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "sends computed numbers: finer, or less round, than the numbers of real cases"

    def fit(self, rows: Rows) -> Fitted | None:
        """None for texts and projected inputs, and for tables in which all columns are lists of values."""
        inputs = rows.batch.inputs
        if inputs is None or inputs.shape[1] > WIDEST_TABLE:
            return None
        sizes, grains = size_and_grain(inputs)
        common = np.zeros((inputs.shape[1], SIZES, GRAINS))
        chosen = []
        for column in range(inputs.shape[1]):
            known = grains[:, column] >= 0
            counts = np.zeros((SIZES, GRAINS))
            np.add.at(counts, (sizes[known, column], grains[known, column]), 1)
            shares = (counts + _BY_CHANCE * counts.sum(axis=0) / max(counts.sum(), 1) + 0.01) / (
                counts.sum(axis=1, keepdims=True) + _BY_CHANCE + 0.01 * GRAINS
            )
            surprise = np.log(shares)
            usual = float((counts * surprise).sum() / max(counts.sum(), 1))
            common[column] = surprise - usual  # 0 is as common as the honest mean, so that columns can be averaged
            chosen.append(column)
        kept = np.array(chosen, dtype=np.int64)
        fitted = FittedGrain(kept, common[kept], Ordinary(np.zeros((1, 1))), Tails(np.zeros(1), np.zeros(1)))
        scores, whole = fitted.scores(inputs), np.zeros(len(rows), dtype=np.int64)
        ordinary = Ordinary.fit(scores, whole, 1)
        return FittedGrain(
            kept, common[kept], ordinary, Tails.fit(ordinary.p_values(scores, whole), rows.batch.accounts, first_times(rows))
        )


def size_and_grain(numbers: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The size and the grain of each number, both of its shape; grain -1 where it is missing or infinite."""
    plain = np.abs(np.where(np.isfinite(numbers), numbers, 1.0)).reshape(-1)
    with np.errstate(divide="ignore"):
        sizes = np.clip(np.floor(np.log10(plain)) - _SMALLEST, 0, SIZES - 1)
    grains = np.full(plain.shape, len(POWERS), dtype=np.int64)
    whole = _multiples(plain, _ONES)
    found = np.flatnonzero(whole)
    for place in range(_ONES, -1, -1):  # a multiple of a power is one of all finer powers: fewer and fewer are left
        grains[found] = place
        if not len(found) or not place:
            break
        found = found[_multiples(plain[found], place - 1)]
    left = np.flatnonzero(~whole & (plain != 0))
    for place in range(_ONES + 1, len(POWERS) if len(left) else 0):
        multiple = _multiples(plain[left], place)
        grains[left[multiple]] = place
        left = left[~multiple]
    grains[plain == 0] = len(POWERS) + 1
    grains[~np.isfinite(numbers).reshape(-1)] = -1
    sizes = np.nan_to_num(sizes, neginf=0.0).astype(np.int64)
    return sizes.reshape(numbers.shape), grains.reshape(numbers.shape)


def _multiples(numbers: FloatArray, place: int) -> npt.NDArray[np.bool_]:
    """Which numbers are multiples of the power of ten at a place, one times or more."""
    scaled = numbers * 10.0 ** -float(POWERS[place])
    whole = np.rint(scaled)
    return np.asarray((np.abs(scaled - whole) <= _EXACT * scaled) & (whole >= 1))
