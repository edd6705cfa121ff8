"""Maps from one space of vectors to another, fitted to pairs: affine by ridge regression, or a rotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.judges import NEIGHBOURS
from moatkeeper.redteam.knowledge import Encoder
from moatkeeper.redteam.text_features import unit

RIDGES = tuple(10.0**power for power in range(-16, 3))  # tried, relative to the largest squared singular value
ZERO = 1e-13  # squared singular values of less, relative to the largest, are rounding of zero
MOST_TO_COMPARE = 500  # pairs whose neighbourhoods settle which map is taken; more: a surer choice, more time
FOLDS = 8  # of the pairs, for the error of a rotation; with fewer pairs than this none is tried
UNIT_SLACK = 0.05  # how far from 1 the lengths of an API's vectors may be before they are taken for lengths that say something


@dataclass(frozen=True, slots=True)
class Map:
    """``(x - source) @ weights + target``.

    ``foretold`` (n, d) is what maps of this kind, fitted without a pair, say of it; ``error`` its mean squared distance.
    """

    source: FloatArray  # (e,)
    weights: FloatArray  # (e, d)
    target: FloatArray  # (d,)
    foretold: FloatArray
    error: float

    def __call__(self, vectors: FloatArray) -> FloatArray:
        """Shape (n, d) for vectors (n, e)."""
        moved: FloatArray = (vectors - self.source) @ self.weights + self.target
        return moved


@dataclass(frozen=True, slots=True)
class MappedEncoder:
    """A copy of an encoder: a public one and a map from its space to the victim's."""

    encoder: Encoder
    map: Map
    at_unit_length: bool

    def scores(self, texts: Sequence[str]) -> FloatArray:
        """Vectors, shape (n, d)."""
        vectors = self.map(self.encoder(texts))
        return unit(vectors) if self.at_unit_length else vectors


@dataclass(frozen=True, slots=True)
class PublicEncoder:
    """The public encoder itself, cut or filled with zeros to ``outputs`` dimensions: a copy that nothing was asked for."""

    encoder: Encoder
    outputs: int

    def scores(self, texts: Sequence[str]) -> FloatArray:
        """Vectors, shape (n, d)."""
        vectors = self.encoder(texts)[:, : self.outputs]
        return np.pad(vectors, ((0, 0), (0, self.outputs - vectors.shape[1])))


def at_unit_length(vectors: FloatArray) -> bool:
    """Whether an API gives directions only: all its vectors have length 1, but for what rounding did to them."""
    return bool(np.abs(np.linalg.norm(vectors, axis=1) - 1.0).max() < UNIT_SLACK)


def ridge_map(ours: FloatArray, theirs: FloatArray) -> Map:
    """The affine map from (n, e) to (n, d) whose ridge has the least leave-one-out error, computed without leaving any out."""
    source, target = ours.mean(axis=0), theirs.mean(axis=0)
    left, values, right = np.linalg.svd(ours - source, full_matrices=False)
    across = left.T @ (theirs - target)
    best = Map(source, np.zeros((ours.shape[1], theirs.shape[1])), target, theirs, np.inf)
    squares = values**2
    largest = squares[0] or 1.0
    firm = squares > ZERO * largest
    left, right, across, squares, values = left[:, firm], right[firm], across[firm], squares[firm], values[firm]
    # What no ridge can reach. Where it is rounding only, a fit without ridge passes through every pair; both sides of the
    # quotient below then shrink with the ridge, and none may be got as the difference of larger numbers.
    beyond = theirs - target - left @ across
    free = 1.0 - 1.0 / len(ours) - np.sum(left**2, axis=1)
    if len(values) >= len(ours) - 1:
        beyond, free = np.zeros_like(beyond), np.zeros_like(free)
    for ridge in RIDGES:
        lost = ridge * largest / (squares + ridge * largest)
        freedom = free + np.sum(left**2 * lost, axis=1)
        missed = (beyond + (left * lost) @ across) / np.maximum(freedom, np.finfo(float).tiny)[:, None]
        error = float(np.mean(np.sum(missed**2, axis=1)))
        if error < best.error:
            best = Map(source, right.T @ (((1.0 - lost) / values)[:, None] * across), target, theirs - missed, error)
    return best


def rotation_map(ours: FloatArray, theirs: FloatArray) -> Map:
    """The rotation, with one scale and a shift, from (n, e) to (n, d) (Schönemann 1966); n is at least FOLDS."""
    foretold = np.empty(theirs.shape)
    for fold in range(FOLDS):
        held = np.arange(len(ours)) % FOLDS == fold
        source, weights, target = _rotation(ours[~held], theirs[~held])
        foretold[held] = (ours[held] - source) @ weights + target
    return Map(*_rotation(ours, theirs), foretold, float(np.mean(np.sum((foretold - theirs) ** 2, axis=1))))


def _rotation(ours: FloatArray, theirs: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    source, target = ours.mean(axis=0), theirs.mean(axis=0)
    left, values, right = np.linalg.svd((ours - source).T @ (theirs - target), full_matrices=False)
    spread = float(np.sum((ours - source) ** 2)) or 1.0
    return source, cast(FloatArray, left @ right * (values.sum() / spread)), target


def best_map(ours: FloatArray, theirs: FloatArray) -> Map:
    """The affine map or the rotation, whichever foretells more of the pairs' neighbourhoods; n is at least 2.

    From pairs fewer than half the encoder's width this may err: a rotation, which keeps all directions, is then the better
    copy to search with (measured: 64 pairs, 256 dimensions, fidelity .68 against .53), but so few pairs have no fine
    neighbourhoods that could show it; and the public encoder itself may be better still.
    """
    affine = ridge_map(ours, theirs)
    if len(ours) < FOLDS:
        return affine
    rotation = rotation_map(ours, theirs)
    some = slice(0, MOST_TO_COMPARE)
    kept = [kept_neighbours(found.foretold[some], theirs[some]) for found in (affine, rotation)]
    return rotation if kept[1] > kept[0] else affine


def kept_neighbours(ours: FloatArray, theirs: FloatArray) -> float:
    """The mean share of a vector's nearest others, by cosine, on which both spaces agree; n is at least 2."""
    count = min(NEIGHBOURS, len(ours) - 1)
    near = [np.argsort(-_cosines(vectors), axis=1, kind="stable")[:, :count].tolist() for vectors in (ours, theirs)]
    return float(np.mean([len(set(a) & set(b)) / count for a, b in zip(*near, strict=True)]))


def _cosines(vectors: FloatArray) -> FloatArray:
    cosines: FloatArray = unit(vectors) @ unit(vectors).T
    np.fill_diagonal(cosines, -np.inf)
    return cosines
