"""Many dimensions made few: images and embeddings on their main axes, texts by their letters' fragments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.spelling import PAD
from moatkeeper.patterns.wording import Wording

AXES = 24
"""Coordinates that are kept; larger: finer near-duplicates, slower, and more rows needed to fit."""
SEEN = 4_000
"""Rows that the axes are found with."""
FINE = 2.0**-12
"""Of the inputs' deviation, and of the axes: below it nothing is told apart."""
MOST_STEPS = 2.0**24
"""That an input may lie from the mean; larger ones are taken for this one."""
LARGEST = 1e18
"""Larger numbers are taken for this one: sums of them must not overflow."""
BUCKETS = 4_096  # that fragments of four bytes are hashed into
AT_ONCE = 64
"""Texts whose fragments are summed at a time, so that their directions fit into a processor's cache."""
_MULTIPLIER = np.uint32(2_654_435_761)  # Knuth's multiplicative hash
_SHIFT = np.uint32(32 - 12)
_TEXT_SEED = 20_260_605


@packable
@dataclass(frozen=True, slots=True)
class Axes:
    """The main axes of honest rows: ``mean`` (d,), ``axes`` (d, AXES at most), whole multiples of FINE.

    Inputs are taken as whole multiples of ``step``: sums of products are exact, so that a row has the same coordinates in every
    batch.
    """

    mean: FloatArray
    axes: npt.NDArray[np.float32]
    step: float

    @classmethod
    def fit(cls, inputs: FloatArray, rng: np.random.Generator) -> Self:
        """The principal components of some of the rows, shape (n, d)."""
        some = _plain(inputs[rng.permutation(len(inputs))[:SEEN]])
        mean = some.mean(axis=0)
        _, _, axes = np.linalg.svd(some - mean, full_matrices=False)
        return cls(mean, (np.rint(axes[:AXES].T / FINE) * FINE).astype(np.float32), (float(np.std(some)) or 1.0) * FINE)

    def of(self, inputs: FloatArray) -> FloatArray:
        """The coordinates of each row, shape (n, AXES at most)."""
        return np.asarray((self._steps(inputs) @ self.axes.astype(np.float64)) * self.step, dtype=np.float64)

    def rest(self, inputs: FloatArray, coordinates: FloatArray) -> FloatArray:
        """How far each input lies from the axes, shape (n,): its distance from what its coordinates alone would be."""
        steps, along = self._steps(inputs), coordinates / self.step
        left = np.einsum("nd,nd->n", steps, steps) - np.einsum("nc,nc->n", along, along)
        return np.asarray(np.rint(np.sqrt(np.maximum(left, 0.0))) * self.step, dtype=np.float64)

    def _steps(self, inputs: FloatArray) -> FloatArray:
        return np.clip(np.rint((_plain(inputs) - self.mean) / self.step), -MOST_STEPS, MOST_STEPS)


def _plain(inputs: FloatArray) -> FloatArray:
    """Missing and infinite numbers as 0, others held to within LARGEST."""
    return np.clip(np.nan_to_num(inputs, nan=0.0, posinf=0.0, neginf=0.0), -LARGEST, LARGEST)


@packable
@dataclass(frozen=True, slots=True)
class Fragments:
    """Texts as weighted sums of fixed random directions, one a fragment of four bytes; ``table`` is (BUCKETS, AXES)."""

    table: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, wording: Wording) -> Self:
        """Directions weighted by how rare a fragment is among honest texts."""
        seen = min(len(wording), SEEN)
        owners = np.repeat(np.arange(seen), wording.sizes[:seen])
        grams = _grams(wording.fours[: len(owners)])
        own = np.arange(len(owners)) < (wording.starts + wording.sizes - PAD)[owners]
        holding = np.bincount(np.unique((owners * BUCKETS + grams)[own]) % BUCKETS, minlength=BUCKETS) + 1
        rarity = np.log((seen + 2) / holding)
        directions = np.random.default_rng(_TEXT_SEED).standard_normal((BUCKETS, AXES))
        return cls((rarity[:, None] * directions).astype(np.float32))

    def of(self, wording: Wording) -> FloatArray:
        """The coordinates of each text, shape (n, AXES), of length 1."""
        if not len(wording):
            return np.empty((0, AXES))
        sums = np.empty((len(wording), AXES), dtype=np.float32)
        for first in range(0, len(wording), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            starts, sizes = wording.starts[part], wording.sizes[part]
            low, high = starts[0], starts[-1] + sizes[-1]
            grams = _grams(wording.fours[low:high])
            ends = np.stack([starts, starts + sizes - PAD], axis=1) - low  # of each text, then of the spaces behind it
            sums[part] = np.add.reduceat(self.table[grams], ends.reshape(-1), axis=0)[::2]
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(lengths, 1e-12), dtype=np.float64)


def _grams(fours: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """The bucket of the fragment that begins at each byte."""
    return (fours * _MULTIPLIER >> _SHIFT).astype(np.int64)
