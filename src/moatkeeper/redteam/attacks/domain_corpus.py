"""Texts of the domain: ask the victim what its customers ask it, and train a student on the answers.

Pal et al. 2019 (ActiveThief), section 4, the random strategy on a pool of the problem's domain; Krishna et al. 2020 take it for
the upper bound of their attacks. Deviations: the student is a softmax over TF-IDF words instead of a neural network, since no
pretrained one comes with this package, so that a victim with a pretrained encoder is copied worse than there (with a public
encoder at hand ``algebraic-head`` is the attack); where answers are exact its log-ratios are solved for as well; and texts
that run out are spliced.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.redteam.base import Loot, TextSurrogate, TextVictim
from moatkeeper.redteam.knowledge import TextKnowledge
from moatkeeper.redteam.text_asking import carry_out, corpus_plan
from moatkeeper.redteam.text_students import word_student


class DomainCorpus:
    """Asks the thief's pool in random order, each text once, then splices of its texts."""

    name = "domain-corpus"

    def __init__(self, knowledge: TextKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: TextVictim, budget: int, rng: np.random.Generator) -> Loot[TextSurrogate]:
        """A student of at most ``budget`` answers."""
        pool = self._knowledge.pool
        record = carry_out(corpus_plan(pool, rng), victim, budget, self._knowledge.outputs)
        return Loot(word_student(record, pool))
