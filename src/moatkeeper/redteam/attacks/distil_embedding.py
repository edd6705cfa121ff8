"""Distilled embeddings: a small student learns to give the victim's vectors, by squared error.

StolenEncoder (Liu et al. 2022) and the direct extraction of Dziedzic et al. 2022, with their MSE loss. Deviations: the student
begins as a map from a public encoder, as ``linear-map`` fits it, and learns what the map misses from hashed pieces of the text;
each text is asked once and no augmented copies of it are, since a text has no crops; there is no pretrained network to tune.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.redteam.base import Loot, TextSurrogate, TextVictim
from moatkeeper.redteam.embedding_maps import PublicEncoder
from moatkeeper.redteam.knowledge import Encoder, TextKnowledge
from moatkeeper.redteam.text_asking import TextRecord, carry_out, corpus_plan
from moatkeeper.redteam.text_features import encoder_of


class DistilEmbedding:
    """Asks the thief's pool, or where there is none the foreign texts, in random order, then splices of them."""

    name = "distil-embedding"

    def __init__(self, knowledge: TextKnowledge) -> None:
        self._outputs = knowledge.outputs
        self._texts = knowledge.pool or knowledge.foreign
        self._encoder = encoder_of(knowledge)

    def run(self, victim: TextVictim, budget: int, rng: np.random.Generator) -> Loot[TextSurrogate]:
        """A student of at most ``budget`` answers."""
        seed = int(rng.integers(2**31))
        record = carry_out(corpus_plan(self._texts, rng), victim, budget, self._outputs)
        if len(record.answers) < 2:
            return Loot(PublicEncoder(self._encoder, self._outputs))
        return Loot(self._student(record, self._encoder, seed))

    def _student(self, record: TextRecord, encoder: Encoder, seed: int) -> TextSurrogate:
        from moatkeeper.redteam.text_nets import distil, squared_error  # here, so that attacks are listed without torch

        return distil(record, encoder, squared_error, seed)
