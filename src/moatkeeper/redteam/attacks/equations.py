"""Equation solving: the log-odds of a logistic regression are linear in its input, so d+1 answers give all its weights.

Tramèr et al. 2016, section 4.1. Deviations: the queries are rows of the thief's own pool rather than random points, so that
nothing sets them apart from custom; and beyond d+1 answers they are fitted by weighted least squares, which is what rounded
answers need. Any number of classes: the centred logarithms of a softmax are linear as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge

SMALLEST_SCORE = 1e-12  # keeps the logarithm finite where the victim says exactly 0


@dataclass(frozen=True, slots=True)
class SolvedModel:
    """A softmax over linear scores of standardised inputs."""

    centre: FloatArray
    scale: FloatArray
    weights: FloatArray  # (d + 1, k), the constant last

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, k), rows summing to 1."""
        logits = _design(rows, self.centre, self.scale) @ self.weights
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return cast(FloatArray, powers / powers.sum(axis=1, keepdims=True))


class Equations:
    """Asks rows of the thief's pool in random order, at most its number of rows."""

    name = "equations"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._pool = knowledge.pool
        self._outputs = knowledge.outputs
        self._centre = self._pool.mean(axis=0)
        deviation = self._pool.std(axis=0)
        self._scale = np.where(deviation > 0, deviation, 1.0)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The model that fits at most ``budget`` answers."""
        rows = self._pool[rng.permutation(len(self._pool))[:budget]]
        answers = victim.ask(rows)
        return Loot(self._solve(rows[: len(answers)], answers))

    def _solve(self, rows: FloatArray, answers: FloatArray) -> SolvedModel:
        if answers.size == 0:
            return SolvedModel(self._centre, self._scale, np.zeros((self._pool.shape[1] + 1, self._outputs)))
        logarithms = np.log(np.maximum(answers, SMALLEST_SCORE))
        centred = logarithms - logarithms.mean(axis=1, keepdims=True)
        # A rounding error in a score moves its logarithm by error / score: rare classes are heard less.
        weight = answers.min(axis=1, keepdims=True) + SMALLEST_SCORE
        design = _design(rows, self._centre, self._scale)
        weights = np.linalg.lstsq(design * weight, centred * weight, rcond=None)[0]
        return SolvedModel(self._centre, self._scale, weights)


def _design(rows: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    return np.column_stack([(rows - centre) / scale, np.ones(len(rows))])
