"""Inversion by a table: push guesses of the clean answer through the known defence, and keep those that come out as shown.

ModelGuard (2024), partial Bayes, ``wb_recover``: a million Dirichlet samples centred on the answers, concentration 8 k, mean of
those with the same top class within an L1 distance of 0.01. Deviations: half of the first guesses are centred on what a first
copy, made from labels, believes of the question itself; each answer has a table of its own, and later guesses are steps from
its best one, so that a few hundred find what one table needs a million for; where no guess comes out as shown, the nearest
counts. Against a defence that draws fresh noise no step can be judged: the mean of the nearest quarter
of the first guesses around the belief counts.
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

DRAWS = 32  # guesses an answer and round; larger: closer, and slower in proportion
ROUNDS = 8  # of steps after the first guesses; larger: closer where the defence hides little
CONCENTRATION = 8.0  # of the first guesses, times the number of classes; larger: nearer to their centres
LARGEST_STEP, SMALLEST_STEP = 2.0, 0.05  # in the logarithm of a score, over the rounds
TOLERANCE = 0.01  # of the L1 distance at which a guess comes out as shown
MATCHES = 8  # guesses that come out as shown, after which an answer is left alone
NEAREST_SHARE = 0.25  # of the first guesses around the belief that count against fresh noise
LEAST = 1e-12  # of a guessed score
PULL = 0.1  # towards the belief, against the distance to what was shown; larger: safer where many answers look alike
LEAST_SHAPE = 0.02  # of a Dirichlet parameter, so that no class is ruled out
ANSWERS_AT_ONCE = 512  # larger: faster, more memory

BoolArray = npt.NDArray[np.bool_]


def invert(shown: FloatArray, believed: FloatArray, disguise: Disguise, rng: np.random.Generator, draws: int) -> FloatArray:
    """Estimates of the clean answers, shape (n, k), from what was shown and what a copy believes, both of that shape."""
    noisy = not np.array_equal(disguise(believed), disguise(believed))
    undone = []
    for start in range(0, len(shown), ANSWERS_AT_ONCE):
        part = slice(start, start + ANSWERS_AT_ONCE)
        table = _Table(shown[part], believed[part], disguise, rng, draws)
        undone.append(table.nearest(NEAREST_SHARE) if noisy else table.refined())
    return np.concatenate(undone)


class _Table:
    """Guesses for some answers, shape (n, g, k), and how far from what was shown each comes out, shape (n, g)."""

    def __init__(
        self, shown: FloatArray, believed: FloatArray, disguise: Disguise, rng: np.random.Generator, draws: int
    ) -> None:
        self._shown = shown
        self._believed = believed
        self._disguise = disguise
        self._rng = rng
        self._draws = draws
        count, classes = shown.shape
        smooth = _normalised(np.maximum(shown, 0.0) + 1.0 / (CONCENTRATION * classes))
        shapes = np.repeat(CONCENTRATION * classes * np.stack([smooth, believed], axis=1), -(-draws // 2), axis=1)
        gammas = rng.standard_gamma(np.maximum(shapes, LEAST_SHAPE)) + np.finfo(np.float64).tiny
        exactly = np.stack([_normalised(np.maximum(shown, 0.0) + LEAST), believed], axis=1)
        guesses = np.concatenate([_normalised(gammas), exactly], axis=1)
        come_out = self._come_out(guesses)
        distances = _distances(come_out, shown)
        badness = distances + PULL * np.abs(guesses - believed[:, None, :]).sum(axis=2)
        best = badness.argmin(axis=1)
        every = np.arange(count)
        self._guesses, self._distances = guesses, distances
        self._best, self._best_out, self._badness = guesses[every, best], come_out[every, best], badness[every, best]
        self._sum, self._matches = np.zeros((count, classes)), np.zeros(count)
        self._count_matches(every, guesses, distances)

    def nearest(self, share: float) -> FloatArray:
        """The mean of the nearest ``share`` of the first guesses, for a defence that answers otherwise each time."""
        half = -(-self._draws // 2)
        around_belief = [*range(half, 2 * half), 2 * half + 1]  # what was shown is mostly noise: no centre to guess around
        guesses, distances = self._guesses[:, around_belief], self._distances[:, around_belief]
        chosen = np.argsort(distances, axis=1)[:, : max(1, round(share * len(around_belief)))]
        return cast(FloatArray, np.take_along_axis(guesses, chosen[:, :, None], axis=1).mean(axis=1))

    def refined(self) -> FloatArray:
        """The mean of the guesses that come out as shown; the nearest guess where none does."""
        for size in np.geomspace(LARGEST_STEP, SMALLEST_STEP, ROUNDS):
            open_rows = np.flatnonzero(self._matches < MATCHES)
            if not len(open_rows):
                break
            self._step(open_rows, float(size))
        found = self._matches > 0
        return np.where(found[:, None], self._sum / np.maximum(self._matches, 1)[:, None], self._best)

    def _step(self, rows: npt.NDArray[np.intp], size: float) -> None:
        """New guesses around the best ones of ``rows``: random steps in the logarithm, and corrections by what came out."""
        best, out, shown = self._best[rows], self._best_out[rows], self._shown[rows]
        steps = size * self._rng.standard_normal((len(rows), self._draws, best.shape[1]))
        some = self._rng.random(steps.shape) < self._rng.random((len(rows), self._draws, 1))
        ratio = np.maximum(shown, LEAST) / np.maximum(out, LEAST)
        corrected = np.stack([best * ratio, best * np.sqrt(ratio), best / ratio, best + shown - out], axis=1)
        guesses = np.concatenate([best[:, None, :] * np.exp(np.where(some, steps, 0.0)), corrected], axis=1)
        guesses = _normalised(np.maximum(guesses, LEAST))
        come_out = self._come_out(guesses)
        distances = _distances(come_out, shown)
        self._count_matches(rows, guesses, distances)
        badness = distances + PULL * np.abs(guesses - self._believed[rows][:, None, :]).sum(axis=2)
        place = badness.argmin(axis=1)
        every = np.arange(len(rows))
        nearer = badness[every, place] < self._badness[rows]
        chosen = rows[nearer]
        self._best[chosen] = guesses[every, place][nearer]
        self._best_out[chosen] = come_out[every, place][nearer]
        self._badness[chosen] = badness[every, place][nearer]

    def _count_matches(self, rows: npt.NDArray[np.intp], guesses: FloatArray, distances: FloatArray) -> None:
        matching = distances <= TOLERANCE
        self._sum[rows] += (guesses * matching[:, :, None]).sum(axis=1)
        self._matches[rows] += matching.sum(axis=1)

    def _come_out(self, guesses: FloatArray) -> FloatArray:
        return self._disguise(guesses.reshape(-1, guesses.shape[2])).reshape(guesses.shape)


def _normalised(scores: FloatArray) -> FloatArray:
    return cast(FloatArray, scores / scores.sum(axis=-1, keepdims=True))


FURTHEST = 2.0  # the L1 distance of two distributions at most


def _distances(come_out: FloatArray, shown: FloatArray) -> FloatArray:
    """L1 distances, shape (n, guesses); those of another top class lie beyond all others."""
    distances = np.abs(come_out - shown[:, None, :]).sum(axis=2)
    other = come_out.argmax(axis=2) != shown.argmax(axis=1)[:, None]
    return cast(FloatArray, distances + np.where(other, FURTHEST, 0.0))


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
