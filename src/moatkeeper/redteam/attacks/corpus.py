"""Foreign texts: ask the victim about a public corpus that has nothing to do with it, and train a student on the answers.

Krishna et al. 2020 (Thieves on Sesame Street), section 3, the WIKI scheme. Deviations: any foreign corpus in the place of
WikiText-103, and its rare words are left as they are; the student is a softmax over TF-IDF words instead of a fine-tuned BERT,
so it cannot know a word of the victim's domain that the corpus does not hold, which a pretrained student does in part; texts
that run out are spliced.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.redteam.base import Loot, TextSurrogate, TextVictim
from moatkeeper.redteam.knowledge import TextKnowledge
from moatkeeper.redteam.text_asking import carry_out, corpus_plan
from moatkeeper.redteam.text_students import word_student


class Corpus:
    """Asks the thief's foreign texts in random order, each once, then splices of them."""

    name = "corpus"

    def __init__(self, knowledge: TextKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: TextVictim, budget: int, rng: np.random.Generator) -> Loot[TextSurrogate]:
        """A student of at most ``budget`` answers."""
        foreign = self._knowledge.foreign
        record = carry_out(corpus_plan(foreign, rng), victim, budget, self._knowledge.outputs)
        return Loot(word_student(record, foreign))
