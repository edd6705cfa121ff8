"""A small network of the thief's own: one hidden layer, fitted to shown scores or labels by L-BFGS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.likelihoods import minimise
from moatkeeper.redteam.linear import Frame, softmax
from moatkeeper.redteam.precision import SMALLEST_SCORE, distributions

SEED = 5  # of the first weights
STEPS = 300


@dataclass(frozen=True, slots=True)
class Network:
    """Rectified linear units between two layers: ``inner`` (d + 1, h), ``outer`` (h + 1, k)."""

    frame: Frame
    inner: FloatArray
    outer: FloatArray

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, k), rows summing to 1."""
        return softmax(_with_ones(np.maximum(self.frame.design(rows) @ self.inner, 0.0)) @ self.outer)


def fit_network(rows: FloatArray, answers: FloatArray, hidden: int, ridge: float, frame: Frame) -> Network:
    """The network with ``hidden`` units whose scores are nearest to answers (n, k) in cross-entropy."""
    design, targets = frame.design(rows), distributions(answers)
    split = design.shape[1] * hidden
    shape = (hidden + 1, answers.shape[1])

    def objective(point: FloatArray) -> tuple[float, FloatArray]:
        inner, outer = point[:split].reshape(-1, hidden), point[split:].reshape(shape)
        units = np.maximum(design @ inner, 0.0)
        layer = _with_ones(units)
        shares = softmax(layer @ outer)
        loss = -float(np.sum(targets * np.log(shares + SMALLEST_SCORE))) / len(design)
        slope = (shares - targets) / len(design)
        back = (slope @ outer[:-1].T) * (units > 0)
        gradient = np.concatenate([(design.T @ back).ravel(), (layer.T @ slope).ravel()])
        return loss + ridge / 2 * float(point @ point), gradient + ridge * point

    rng = np.random.default_rng(SEED)
    first = rng.normal(scale=np.sqrt(2.0 / design.shape[1]), size=split)
    second = rng.normal(scale=np.sqrt(1.0 / hidden), size=shape[0] * shape[1])
    point = minimise(objective, np.concatenate([first, second]), STEPS)
    return Network(frame, point[:split].reshape(-1, hidden), point[split:].reshape(shape))


def _with_ones(layer: FloatArray) -> FloatArray:
    return cast(FloatArray, np.column_stack([layer, np.ones(len(layer))]))
