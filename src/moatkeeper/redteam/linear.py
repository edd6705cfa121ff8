"""Copies that are linear in their input: softmax, one-vs-rest and plain values, and the algebra that solves for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.precision import SMALLEST_SCORE, centred_logarithms

RELATIVE_ERROR = 1e-15
"""Of a logarithm computed in double precision."""
ABSOLUTE_ERROR = 1e-16
"""Of a score that was computed as 1 less the other: what is lost where it is nearly 0."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What makes columns comparable: each less its centre, over its scale."""

    centre: FloatArray
    scale: FloatArray

    def design(self, rows: FloatArray) -> FloatArray:
        """Shape (n, d + 1): standardised rows, and a column of ones."""
        return np.column_stack([(rows - self.centre) / self.scale, np.ones(len(rows))])


def frame_of(rows: FloatArray) -> Frame:
    """The frame of rows (n, d), n > 0, in which each column that varies has mean 0 and deviation 1."""
    deviation = rows.std(axis=0)
    return Frame(rows.mean(axis=0), np.where(deviation > 0, deviation, 1.0))


def softmax(logits: FloatArray) -> FloatArray:
    """Rows (n, k) of probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return cast(FloatArray, powers / powers.sum(axis=1, keepdims=True))


def sigmoid(logits: FloatArray) -> FloatArray:
    """1 / (1 + exp(-z)), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


@dataclass(frozen=True, slots=True)
class SoftmaxModel:
    """A softmax over linear scores; ``weights`` (d + 1, k), the constant last."""

    frame: Frame
    weights: FloatArray

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, k), rows summing to 1."""
        return softmax(self.frame.design(rows) @ self.weights)


@dataclass(frozen=True, slots=True)
class OneVsRestModel:
    """A sigmoid for each class, renormalised; ``weights`` (d + 1, k), the constant last."""

    frame: Frame
    weights: FloatArray

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, k), rows summing to 1."""
        single = sigmoid(self.frame.design(rows) @ self.weights) + SMALLEST_SCORE
        return cast(FloatArray, single / single.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class LinearValues:
    """Values linear in the input; ``weights`` (d + 1, k), the constant last."""

    frame: Frame
    weights: FloatArray

    def scores(self, rows: FloatArray) -> FloatArray:
        """Values, shape (n, k)."""
        return self.frame.design(rows) @ self.weights


@dataclass(frozen=True, slots=True)
class Constant:
    """The same scores for every row: all that is left to a thief whom nobody answered."""

    row: tuple[float, ...]

    def scores(self, rows: FloatArray) -> FloatArray:
        """Shape (n, k), each row alike."""
        return np.tile(self.row, (len(rows), 1))


def solve_softmax(rows: FloatArray, answers: FloatArray, slack: float = 0.0) -> SoftmaxModel:
    """The softmax whose centred logarithms fit the answers best; exact from d + 1 exact answers of a softmax.

    An error of ``slack`` in a score moves its logarithm by slack / score, so rows with a rare class are heard less.
    """
    frame = frame_of(rows)
    rarest = np.maximum(answers.min(axis=1, keepdims=True), SMALLEST_SCORE)
    error = RELATIVE_ERROR + max(slack, ABSOLUTE_ERROR) / (rarest + max(slack, ABSOLUTE_ERROR))
    weight = error.min() / error
    design = frame.design(rows)
    weights = np.linalg.lstsq(design * weight, centred_logarithms(np.maximum(answers, slack)) * weight, rcond=None)[0]
    return SoftmaxModel(frame, weights)


def solve_values(rows: FloatArray, answers: FloatArray) -> LinearValues:
    """The linear map that fits values (n, k) best; exact from d + 1 values of one."""
    frame = frame_of(rows)
    weights = np.linalg.lstsq(frame.design(rows), answers, rcond=None)[0]
    return LinearValues(frame, cast(FloatArray, weights))


def uninformed(outputs: int) -> Constant:
    """The copy of a thief who was told nothing: all classes alike, or 0."""
    return Constant((1.0 / outputs,) * outputs if outputs > 1 else (0.0,))
