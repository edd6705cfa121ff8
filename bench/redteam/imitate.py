"""The matrix's victim and attack: a small network in plain numpy, so that the same seed gives the same copy on any machine."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge

HIDDEN = 64
BATCH = 128
RATE = 2e-3  # of Adam (Kingma & Ba 2015), whose other constants are the paper's
DECAYS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Network:
    """One hidden layer of ReLU and a softmax."""

    layers: tuple[FloatArray, ...]  # weights, constants, weights, constants

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, k)."""
        return cast(FloatArray, _forward(self.layers, rows.astype(np.float32))[1].astype(np.float64))


def train(rows: FloatArray, targets: FloatArray, epochs: int, rng: np.random.Generator) -> Network:
    """A network fitted to soft labels (n, k) by cross-entropy with Adam; the rate falls to 0 along a half cosine."""
    rows, targets = rows.astype(np.float32), targets.astype(np.float32)
    columns, classes = rows.shape[1], targets.shape[1]
    layers = [
        (rng.standard_normal((columns, HIDDEN)) * (2 / columns) ** 0.5).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        (rng.standard_normal((HIDDEN, classes)) * (2 / HIDDEN) ** 0.5).astype(np.float32),
        np.zeros(classes, np.float32),
    ]
    first, second = [np.zeros_like(layer) for layer in layers], [np.zeros_like(layer) for layer in layers]
    total = epochs * -(-len(rows) // BATCH)
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), BATCH):
            chosen = order[start : start + BATCH]
            step += 1
            rate = RATE * (1 + np.cos(np.pi * step / (total + 1))) / 2
            _adam(layers, _gradients(layers, rows[chosen], targets[chosen]), first, second, step, rate)
    return Network(tuple(layers))


def _forward(layers: tuple[FloatArray, ...] | list[FloatArray], rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    hidden = np.maximum(rows @ layers[0] + layers[1], 0)
    logits = hidden @ layers[2] + layers[3]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return hidden, powers / powers.sum(axis=1, keepdims=True)


def _gradients(layers: list[FloatArray], rows: FloatArray, targets: FloatArray) -> list[FloatArray]:
    hidden, found = _forward(layers, rows)
    error = (found - targets) / len(rows)
    back = (error @ layers[2].T) * (hidden > 0)
    return [rows.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]


def _adam(
    layers: list[FloatArray],
    gradients: list[FloatArray],
    first: list[FloatArray],
    second: list[FloatArray],
    step: int,
    rate: float,
) -> None:
    slow, fast = DECAYS
    for layer, gradient, mean, square in zip(layers, gradients, first, second, strict=True):
        mean += (1 - slow) * (gradient - mean)
        square += (1 - fast) * (gradient**2 - square)
        layer -= rate / (1 - slow**step) * mean / (np.sqrt(square / (1 - fast**step)) + EPSILON)


class Imitate:
    """Asks rows of the thief's pool in random order and trains a network on the answers as they come."""

    name = "imitate"

    def __init__(self, knowledge: RowKnowledge, epochs: int) -> None:
        self._knowledge = knowledge
        self._epochs = epochs
        self._made: dict[bytes, Network] = {}  # by questions and answers: equal ones are not learnt twice

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The network trained on at most ``budget`` answers."""
        pool = self._knowledge.pool
        rows = pool[rng.permutation(len(pool))[:budget]]
        answers = victim.ask(rows)
        if not len(answers):
            rows, answers = rows[:1], np.full((1, self._knowledge.outputs), 1 / self._knowledge.outputs)
        seed = int(rng.integers(2**31))
        digest = blake2b(rows[: len(answers)].tobytes() + answers.tobytes() + seed.to_bytes(4, "big")).digest()
        if digest not in self._made:
            targets = np.maximum(answers, 0.0)
            chance = np.random.default_rng(seed)
            self._made[digest] = train(rows[: len(answers)], targets, self._epochs, chance)
        return Loot(self._made[digest])
