"""Linear map: where a victim's encoder is related to a public one, a matrix between both spaces is the copy.

Equation solving (Tramèr et al. 2016, 4.1) on vectors: an answer gives d numbers, so that width + 1 answers determine an affine
map from the public encoder's space. A rotation is tried as well (Schönemann 1966, the orthogonal Procrustes problem): it has
half the unknowns, so that fewer answers bear it where they are noisy, and undoes a secret rotation of a known space. Stealing
by a map is our own reading of both; the literature trains students (``distil-embedding``, ``contrastive-distil``).
"""

from __future__ import annotations

import numpy as np

from moatkeeper.redteam.base import Loot, TextSurrogate, TextVictim
from moatkeeper.redteam.embedding_maps import MappedEncoder, PublicEncoder, at_unit_length, best_map
from moatkeeper.redteam.knowledge import TextKnowledge
from moatkeeper.redteam.text_asking import carry_out, corpus_plan
from moatkeeper.redteam.text_features import encoder_of


class LinearMap:
    """Asks the thief's pool, or where there is none the foreign texts, in random order, then splices of them."""

    name = "linear-map"

    def __init__(self, knowledge: TextKnowledge) -> None:
        self._outputs = knowledge.outputs
        self._texts = knowledge.pool or knowledge.foreign
        self._encoder = encoder_of(knowledge)

    def run(self, victim: TextVictim, budget: int, rng: np.random.Generator) -> Loot[TextSurrogate]:
        """The map that fits at most ``budget`` answers; finds ``error``, its mean squared error on answers left out."""
        record = carry_out(corpus_plan(self._texts, rng), victim, budget, self._outputs)
        if len(record.answers) < 2:
            return Loot(PublicEncoder(self._encoder, self._outputs))
        fitted = best_map(self._encoder(record.texts), record.answers)
        return Loot(MappedEncoder(self._encoder, fitted, at_unit_length(record.answers)), {"error": fitted.error})
