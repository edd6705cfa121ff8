"""How much an answer tells: decisions only, decimals, or all that a float holds. Read from the answers themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray

MOST_DECIMALS = 6
"""More are taken for unrounded scores: their error is then below that of 32-bit floats."""
_FLOAT_SLACK = 1e-9  # how far a multiple of a decimal unit may be off in floating point
SMALLEST_SCORE = 1e-300  # keeps logarithms finite


@dataclass(frozen=True, slots=True)
class Precision:
    """What answers (n, k) were found to be.

    ``slack`` is how far a shown score may be from the true one, in (0, 1]; 0 where scores are exact as far as can be seen.
    """

    labels_only: bool
    slack: float

    @property
    def exact(self) -> bool:
        """Whether nothing was seen that takes precision away."""
        return not self.labels_only and self.slack == 0.0


def precision_of(answers: FloatArray) -> Precision:
    """The precision of class scores of shape (n, k); decisions only where every row is all 0 but for a single 1."""
    if np.all((answers == 0.0) | (answers == 1.0)):
        return Precision(True, 1.0)
    for decimals in range(1, MOST_DECIMALS + 1):
        scaled = answers * 10.0**decimals
        if np.all(np.abs(scaled - np.round(scaled)) < _FLOAT_SLACK * 10.0**decimals):
            return Precision(False, _width(answers) * 10.0**-decimals)
    return Precision(False, 0.0)


def _width(answers: FloatArray) -> float:
    """Half a unit where every score was rounded on its own; a whole one where the sum was mended to 1 (largest remainders)."""
    mended = answers.shape[1] > 2 and bool(np.all(np.abs(answers.sum(axis=1) - 1.0) < _FLOAT_SLACK))
    return 1.0 if mended else 0.5


def centred_logarithms(answers: FloatArray) -> FloatArray:
    """Logarithms of class scores less their mean over the classes: linear in the input of a softmax regression."""
    logarithms = np.log(np.maximum(answers, SMALLEST_SCORE))
    centred: FloatArray = logarithms - logarithms.mean(axis=1, keepdims=True)
    return centred


def distributions(answers: FloatArray) -> FloatArray:
    """Class scores as distributions: not negative, rows summing to 1; rows of zeros become uniform."""
    positive = np.maximum(answers, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    shared: FloatArray = np.where(total > 0, positive / np.where(total > 0, total, 1.0), 1.0 / answers.shape[1])
    return shared


def decisions(answers: FloatArray) -> FloatArray:
    """One-hot rows (n, k) of the top classes."""
    one_hot: FloatArray = np.eye(answers.shape[1])[answers.argmax(axis=1)]
    return one_hot
