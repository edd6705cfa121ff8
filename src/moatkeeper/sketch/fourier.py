"""How far an owner's points lie from a reference, as distributions: means of random Fourier features.

Bochner: exp(-|x - y|^2 / (2 s^2)) is the mean of cos(w . (x - y)) over w drawn from N(0, 1 / s^2). So with D such directions
and z(x) = (cos w_1 x, ..., cos w_D x, sin w_1 x, ..., sin w_D x) / sqrt(D), z(x) . z(y) estimates the kernel and |z(x)| = 1
(Rahimi and Recht 2007; of their two forms, the one with the smaller variance: Sutherland and Schneider 2015). With sums S over
n points and R over m points of the reference, the unbiased MMD^2 of Gretton et al. 2012 (lemma 6) is then

    (|S|^2 - n) / (n (n - 1))  +  (|R|^2 - m) / (m (m - 1))  -  2 S . R / (n m)

and needs no pair of points. Unbiased means that it may be negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.circle import COSINES, RADIUS, SINES, STEPS
from moatkeeper.sketch.scatter import pieces, scatter_rows

FARTHEST = 16.0
"""Coordinates are held to within it, and counted in GRAIN."""
GRAIN = 2.0**-8
FINE_BITS = 20
"""Directions are kept in 2^-20 of a step: products are whole numbers below 2^53, so floats add them exactly in any order."""
WIDEST, FINEST = 1_024, 0.1
"""Coordinates at most, and the least scale: beyond them such a sum might not be exact."""


@dataclass(frozen=True, slots=True)
class Fourier:
    """Sums of features an owner. ``directions`` holds whole numbers, shape (d, D).

    Marks are points of shape (n, d), standardised: values beyond FARTHEST count as it. A point with a NaN says nothing.
    """

    directions: npt.NDArray[np.float64]

    @classmethod
    def drawn(cls, width: int, features: int, scales: Sequence[float], rng: np.random.Generator) -> Self:
        """For points of ``width`` coordinates; the kernel is the mean of Gaussian ones with these ``scales``.

        More ``features`` (D): a truer kernel, 16 bytes each an owner. ``ValueError`` for more than WIDEST coordinates
        or a finer scale.
        """
        if width > WIDEST or min(scales) < FINEST:
            raise ValueError(f"found {width} coordinates and scale {min(scales)}, expected up to {WIDEST}, and from {FINEST}")
        spread = np.resize(np.asarray(scales, dtype=np.float64), features)
        turns = rng.standard_normal((width, features)) / spread / (2 * np.pi)
        return cls(np.rint(turns * GRAIN * STEPS * 2**FINE_BITS))

    @property
    def features(self) -> int:
        """D."""
        return int(self.directions.shape[1])

    def empty(self, owners: int) -> State:
        """All 0, shape (owners, 1 + 2 D): the number of points, sums of cosines, sums of sines."""
        return np.zeros((owners, 1 + 2 * self.features), dtype=np.int64)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Adds the features of each point to its owner's sums."""
        known = np.flatnonzero(~np.isnan(marks).any(axis=1))
        for piece in pieces(len(known), state.shape[1]):
            rows = known[piece]
            scatter_rows(np.add, state, owners[rows], self._features(marks[rows]))

    def merge(self, first: State, second: State) -> State:
        """The sums of both."""
        merged: State = first + second
        return merged

    def means(self, state: State) -> npt.NDArray[np.float64]:
        """The mean feature vectors, shape (owners, 2 D), of length 1 at most; NaN without a point."""
        count = np.where(state[:, :1] > 0, state[:, :1], np.nan)
        return np.asarray(state[:, 1:] / (count * RADIUS * np.sqrt(self.features)), dtype=np.float64)

    def distance(self, state: State, reference: State) -> npt.NDArray[np.float64]:
        """The unbiased MMD^2 between each owner and the reference (one owner, or as many), shape (owners,).

        NaN where either has fewer than two points.
        """
        n, m = (np.where(one[:, 0] > 1, one[:, 0], np.nan).astype(np.float64) for one in (state, reference))
        own, other = self.means(state), self.means(reference)
        within = (n * np.sum(own**2, axis=1) - 1) / (n - 1)
        beyond = (m * np.sum(other**2, axis=1) - 1) / (m - 1)
        return np.asarray(within + beyond - 2 * np.sum(own * other, axis=1))

    def _features(self, points: Marks) -> npt.NDArray[np.int64]:
        whole = np.rint(np.clip(points, -FARTHEST, FARTHEST) / GRAIN)
        steps = ((whole @ self.directions).astype(np.int64) >> FINE_BITS) & (STEPS - 1)
        ones = np.ones((len(points), 1), dtype=np.int64)
        return np.concatenate([ones, COSINES[steps], SINES[steps]], axis=1)
