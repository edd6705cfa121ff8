"""Inversion by a table: push guesses of the clean answer through the known defence, and keep those that come out as shown.

ModelGuard (2024), partial Bayes, ``wb_recover``: a million Dirichlet samples centred on the answers, concentration 8 k, mean of
those with the same top class within an L1 distance of 0.01. Deviations: guesses are also centred on what a first copy, made
from labels, believes of the question itself, which sharpens the prior; each answer has a table of its own, drawn again
around its best guesses, which finds in a few hundred draws what one table needs a million for; where no guess comes out as
shown, the nearest counts.
"""

from __future__ import annotations

from typing import Generic, cast

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.known import Disguise
from moatkeeper.redteam.adaptive.twice import in_two_passes
from moatkeeper.redteam.base import Attack, Loot, Q, S, Victim
from moatkeeper.redteam.trade import Trade

DRAWS = 48  # guesses an answer and round; larger: closer, and slower in proportion
ROUNDS = 3  # larger: closer where the defence hides little
CONCENTRATION = 8.0  # times the number of classes, in the first round; larger: nearer to the centre
SHARPER = 6.0  # times the concentration of the round before
TOLERANCE = 0.01  # of the L1 distance at which a guess comes out as shown
LEAST_SHAPE = 0.02  # of a Dirichlet parameter, so that no class is ruled out
ANSWERS_AT_ONCE = 256  # larger: faster, more memory

IndexArray = npt.NDArray[np.intp]


def invert(shown: FloatArray, believed: FloatArray, disguise: Disguise, rng: np.random.Generator, draws: int) -> FloatArray:
    """Estimates of the clean answers, shape (n, k), from what was shown and what a copy believes, both of that shape."""
    parts = range(0, len(shown), ANSWERS_AT_ONCE)
    undone = [
        _invert_some(shown[at : at + ANSWERS_AT_ONCE], believed[at : at + ANSWERS_AT_ONCE], disguise, rng, draws)
        for at in parts
    ]
    return np.concatenate(undone)


def _invert_some(
    shown: FloatArray, believed: FloatArray, disguise: Disguise, rng: np.random.Generator, draws: int
) -> FloatArray:
    count, classes = shown.shape
    positive = np.maximum(shown, 0.0) + 1.0 / (CONCENTRATION * classes)
    as_shown = positive / positive.sum(axis=1, keepdims=True)
    centres = np.stack([as_shown, believed], axis=1)  # (n, 2, k)
    concentration = CONCENTRATION * classes
    guesses = np.empty((count, 0, classes))
    distances = np.empty((count, 0))
    for _ in range(ROUNDS):
        fresh = _around(centres, concentration, draws, rng)
        come_out = disguise(fresh.reshape(-1, classes)).reshape(fresh.shape)
        guesses = np.concatenate([guesses, fresh], axis=1)
        distances = np.concatenate([distances, _distances(come_out, shown)], axis=1)
        centres = np.stack([_best(guesses, distances), believed], axis=1)
        concentration *= SHARPER
    return _mean_of_matches(guesses, distances)


def _around(centres: FloatArray, concentration: float, draws: int, rng: np.random.Generator) -> FloatArray:
    """Dirichlet guesses, half of them around each centre, and the centres themselves; shape (n, draws + 2, k)."""
    kinds = centres.shape[1]
    shapes = np.maximum(concentration * np.repeat(centres, -(-draws // kinds), axis=1)[:, :draws], LEAST_SHAPE)
    gammas = rng.standard_gamma(shapes) + np.finfo(np.float64).tiny
    return np.concatenate([gammas / gammas.sum(axis=2, keepdims=True), centres], axis=1)


def _distances(come_out: FloatArray, shown: FloatArray) -> FloatArray:
    """L1 distances, shape (n, guesses); those of another top class lie beyond all others."""
    distances = np.abs(come_out - shown[:, None, :]).sum(axis=2)
    other = come_out.argmax(axis=2) != shown.argmax(axis=1)[:, None]
    return cast(FloatArray, distances + np.where(other, np.abs(distances).max() + 1.0, 0.0))


def _best(guesses: FloatArray, distances: FloatArray) -> FloatArray:
    return cast(FloatArray, guesses[np.arange(len(guesses)), distances.argmin(axis=1)])


def _mean_of_matches(guesses: FloatArray, distances: FloatArray) -> FloatArray:
    """The mean of the guesses that came out as shown; the nearest where none did."""
    nearest = distances.min(axis=1, keepdims=True)
    kept = distances <= np.maximum(TOLERANCE, nearest)
    weights = kept / kept.sum(axis=1, keepdims=True)
    return cast(FloatArray, (guesses * weights[:, :, None]).sum(axis=1))


class InvertTable(Generic[Q]):
    """Shows the attack what answers were before the known defence ``disguise``, as far as guessing tells."""

    name = "invert-table"

    def __init__(self, trade: Trade[Q, FloatArray], disguise: Disguise, draws: int = DRAWS) -> None:
        if draws < 1:
            raise UsageError(f"inversion needs at least one guess an answer; found draws = {draws}")
        self._trade = trade
        self._disguise = disguise
        self._draws = draws

    def run(
        self, attack: Attack[Q, FloatArray, S], victim: Victim[Q, FloatArray], budget: int, rng: np.random.Generator
    ) -> Loot[S]:
        """What the attack makes of undone answers; it asks as it would on labels."""

        def undo(shown: FloatArray, believed: FloatArray, chance: np.random.Generator) -> FloatArray:
            return invert(shown, believed, self._disguise, chance, self._draws)

        return in_two_passes(attack, victim, budget, rng, self._trade, undo)
