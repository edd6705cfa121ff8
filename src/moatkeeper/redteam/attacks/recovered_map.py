"""Recovered map: take the perturbation out of the vectors as far as it can be, and only then fit the map.

BESA (Ren et al. 2025): find out what perturbs the vectors, restore them, then steal as one would from a clean API. Deviations:
in the place of trained networks, singular values are shrunk (Gavish and Donoho 2017) and lengths are set right; whether that
helps is settled by predicting held-back answers, so that an API which perturbs nothing is copied as ``linear-map`` copies it.
No text is asked twice: asking another text tells more than asking again, as long as the map is all that is wanted. What is
many-to-one stays lost: a cut dimension, a sign for a number.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Loot, TextSurrogate, TextVictim
from moatkeeper.redteam.embedding_maps import MappedEncoder, PublicEncoder, at_unit_length, best_map
from moatkeeper.redteam.embedding_recovery import denoise, lengthened
from moatkeeper.redteam.knowledge import TextKnowledge
from moatkeeper.redteam.text_asking import carry_out, corpus_plan
from moatkeeper.redteam.text_features import encoder_of, unit

FOLD = 5  # every fifth answer is held back for the choice; larger: a surer map, a less sure choice
FEWEST_TO_DENOISE = 50  # with fewer vectors noise cannot be told from signal, and ten held-back ones tell little


class RecoveredMap:
    """Asks the thief's pool, or where there is none the foreign texts, in random order, then splices of them."""

    name = "recovered-map"

    def __init__(self, knowledge: TextKnowledge) -> None:
        self._outputs = knowledge.outputs
        self._texts = knowledge.pool or knowledge.foreign
        self._encoder = encoder_of(knowledge)

    def run(self, victim: TextVictim, budget: int, rng: np.random.Generator) -> Loot[TextSurrogate]:
        """The map that fits at most ``budget`` answers.

        Finds ``noise`` a coordinate, the ``rank`` above it, and whether vectors were ``denoised`` (0 or 1).
        """
        record = carry_out(corpus_plan(self._texts, rng), victim, budget, self._outputs)
        if len(record.answers) < 2:
            return Loot(PublicEncoder(self._encoder, self._outputs))
        ours, theirs = self._encoder(record.texts), lengthened(record.answers)
        findings: Mapping[str, float] = {}
        if len(theirs) >= FEWEST_TO_DENOISE:
            recovered = denoise(theirs)
            helps = _helps(ours, theirs)
            findings = {"noise": recovered.noise, "rank": float(recovered.rank), "denoised": float(helps)}
            theirs = recovered.vectors if helps else theirs
        return Loot(MappedEncoder(self._encoder, best_map(ours, theirs), at_unit_length(record.answers)), findings)


def _helps(ours: FloatArray, theirs: FloatArray) -> bool:
    """Whether a map to denoised vectors predicts raw ones that were held back better than a map to raw vectors does."""
    held = np.arange(len(ours)) % FOLD == FOLD - 1
    cosines = [
        float(np.mean(np.sum(unit(best_map(ours[~held], vectors)(ours[held])) * unit(theirs[held]), axis=1)))
        for vectors in (theirs[~held], denoise(theirs[~held]).vectors)
    ]
    return cosines[1] > cosines[0]
