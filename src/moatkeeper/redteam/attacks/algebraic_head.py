"""Algebraic head: where a classifier is a linear head on a public encoder, a few answers about any texts give the head.

"Grey-box Extraction of Natural Language Models" (submitted to ICLR 2021), section 4: the logarithms of the answers are linear
in the encoder's vectors, twice the vectors' width in queries is enough, and they may be ordinary ones. Deviations: the
logarithms are centred over the classes, so that width + 1 exact answers are enough; vectors are also tried at unit length,
as many heads are trained; rounded answers and decisions are fitted by likelihood, which needs more of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Loot, TextSurrogate, TextVictim
from moatkeeper.redteam.knowledge import Encoder, TextKnowledge
from moatkeeper.redteam.text_asking import TextRecord, carry_out, corpus_plan
from moatkeeper.redteam.text_features import Design, encoder_of, unit
from moatkeeper.redteam.text_regression import Fit, best_fit, decimals_of, log_ratios, softmax
from moatkeeper.redteam.text_students import Uninformed

EXACT_RIDGE = 1e-10  # settles what too few answers leave open, and moves nothing that they say
NOISY_RIDGES = (1e-5, 1e-3)  # of the likelihood, on columns of deviation 1; tried in this order


@dataclass(frozen=True, slots=True)
class Head:
    """A softmax over an encoder's standardised vectors; ``weights`` has shape (e + 1, k), the constants last."""

    encoder: Encoder
    at_unit_length: bool
    centre: FloatArray
    scale: FloatArray
    weights: FloatArray

    def scores(self, texts: Sequence[str]) -> FloatArray:
        """Class probabilities, shape (n, k), rows summing to 1."""
        return softmax(self.design(self.encoder(texts)) @ self.weights)

    def design(self, vectors: FloatArray) -> FloatArray:
        """The standardised vectors and a column of ones, shape (n, e + 1)."""
        vectors = unit(vectors) if self.at_unit_length else vectors
        return np.column_stack([(vectors - self.centre) / self.scale, np.ones(len(vectors))])


class AlgebraicHead:
    """Asks the thief's pool, or where there is none the foreign texts, in random order, then splices of them."""

    name = "algebraic-head"

    def __init__(self, knowledge: TextKnowledge) -> None:
        self._outputs = knowledge.outputs
        self._texts = knowledge.pool or knowledge.foreign
        self._encoder = encoder_of(knowledge)

    def run(self, victim: TextVictim, budget: int, rng: np.random.Generator) -> Loot[TextSurrogate]:
        """The head that fits at most ``budget`` answers; finds ``residual``, the mean squared log-ratio left unexplained."""
        record = carry_out(corpus_plan(self._texts, rng), victim, budget, self._outputs)
        if len(record.answers) == 0:
            return Loot(Uninformed(self._outputs))
        heads = [self._fitted(record, at_unit_length) for at_unit_length in (False, True)]
        residuals = [self._residual(head, record) for head in heads]
        best = int(np.argmin(residuals))
        return Loot(heads[best], {"residual": residuals[best]})

    def _fitted(self, record: TextRecord, at_unit_length: bool) -> Head:
        vectors = self._encoder(record.texts)
        vectors = unit(vectors) if at_unit_length else vectors
        deviation = vectors.std(axis=0)
        blank = Head(self._encoder, at_unit_length, vectors.mean(axis=0), np.where(deviation > 0, deviation, 1.0), np.empty(0))
        design = cast(Design, blank.design(self._encoder(record.texts)))
        fit = best_fit(_fits(decimals_of(record.answers)), design, record.answers)
        weights = fit.weights(design, record.answers)
        return Head(self._encoder, at_unit_length, blank.centre, blank.scale, weights)

    @staticmethod
    def _residual(head: Head, record: TextRecord) -> float:
        missed = np.log(np.maximum(head.scores(record.texts), np.finfo(float).tiny))
        missed -= missed.mean(axis=1, keepdims=True)
        return float(np.mean((missed - log_ratios(record.answers)) ** 2))


def _fits(decimals: int | None) -> list[Fit]:
    likely = [Fit(by_equations=False, ridge=ridge) for ridge in NOISY_RIDGES]
    return [Fit(by_equations=True, ridge=EXACT_RIDGE), *likely] if decimals is None else likely
