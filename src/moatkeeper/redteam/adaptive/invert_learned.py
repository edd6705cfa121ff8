"""Inversion by a learned restorer: a small network that maps disguised answers back, trained on the thief's own copies.

D-DAE (Chen et al. 2023) and D-DAE+ (ModelGuard 2024): pairs of clean and disguised answers from shadow models, and a restorer
k-128-64-k. Deviations: the one shadow model is a first copy made from labels, so the shadow shares the victim's decisions;
its answers are spread by Dirichlet draws around them as in D-DAE+ (concentration 8 k, far fewer than a million); the
restorer is told the top class beside the scores; it is a scikit-learn network with ReLU and squared error in place of leaky
ReLU, batch normalisation and L1. What defence it is (D-DAE's meta-classifier) is known here.
"""

from __future__ import annotations

import warnings
from typing import Generic, cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.adaptive.known import Disguise
from moatkeeper.redteam.adaptive.labels import one_hot
from moatkeeper.redteam.adaptive.twice import SURE, in_two_passes
from moatkeeper.redteam.base import Attack, Loot, Q, S, Victim
from moatkeeper.redteam.trade import Trade

PAIRS = 20_000  # of clean and disguised answers, at most; larger: a better restorer, slower
SPREAD = 8.0  # Dirichlet concentration in times k; larger: pairs nearer to the shadow's own answers
LEAST_SHAPE = 0.02
HIDDEN = (128, 64)
EPOCHS = 12
ENOUGH = 10  # answers; with fewer there is nothing to train on, and they stay as shown


class InvertLearned(Generic[Q]):
    """Shows the attack what a restorer, trained for the known defence ``disguise``, makes of the answers."""

    name = "invert-learned"

    def __init__(self, trade: Trade[Q, FloatArray], disguise: Disguise, pairs: int = PAIRS) -> None:
        self._trade = trade
        self._disguise = disguise
        self._pairs = pairs

    def run(
        self, attack: Attack[Q, FloatArray, S], victim: Victim[Q, FloatArray], budget: int, rng: np.random.Generator
    ) -> Loot[S]:
        """What the attack makes of restored answers; it asks as it would on labels."""

        def undo(shown: FloatArray, believed: FloatArray, chance: np.random.Generator) -> FloatArray:
            return restore(shown, believed, self._disguise, chance, self._pairs)

        return in_two_passes(attack, victim, budget, rng, self._trade, undo)


def restore(shown: FloatArray, believed: FloatArray, disguise: Disguise, rng: np.random.Generator, pairs: int) -> FloatArray:
    """Estimates of the clean answers (n, k) by a restorer trained on disguised guesses around what a copy believes."""
    count, classes = shown.shape
    if count < ENOUGH:
        return shown
    chosen = believed[rng.integers(count, size=pairs)]
    half = len(chosen) // 2
    gammas = rng.standard_gamma(np.maximum(SPREAD * classes * chosen[:half], LEAST_SHAPE)) + np.finfo(np.float64).tiny
    clean = np.concatenate([gammas / gammas.sum(axis=1, keepdims=True), chosen[half:]])
    restored = _fit_and_apply(_features(disguise(clean)), clean, _features(shown), seed=int(rng.integers(2**31)))
    positive = np.clip(restored, SURE * SURE, None)
    return cast(FloatArray, positive / positive.sum(axis=1, keepdims=True))


def _features(shown: FloatArray) -> FloatArray:
    """The scores, and the decision in words of its own: ModelGuard-W hides it in the fourth decimal."""
    return np.concatenate([shown, one_hot(shown)], axis=1)


def _fit_and_apply(disguised: FloatArray, clean: FloatArray, shown: FloatArray, *, seed: int) -> FloatArray:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("the learned inversion needs scikit-learn", hint="pip install 'moatkeeper[redteam]'") from error
    network = MLPRegressor(
        hidden_layer_sizes=HIDDEN, batch_size=min(256, len(clean)), max_iter=EPOCHS, learning_rate_init=2e-3, random_state=seed
    )
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it stops at its epochs, as meant
        return cast(FloatArray, network.fit(disguised, clean).predict(shown))
