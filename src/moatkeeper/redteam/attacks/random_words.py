"""Random words: sequences without any sense, drawn from a vocabulary, are enough to train a student on the answers.

Krishna et al. 2020 (Thieves on Sesame Street), section 3, the RANDOM scheme for single inputs: the length of each query from
those of a public corpus, its words uniformly from the corpus's most frequent ones. Deviations: the vocabulary and the lengths
are the thief's own (``words``, and the texts of ``foreign``); the student is a softmax over TF-IDF words instead of a
fine-tuned BERT, so it knows nothing of words that were never asked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatkeeper.redteam.base import Loot, TextSurrogate, TextVictim
from moatkeeper.redteam.knowledge import TextKnowledge
from moatkeeper.redteam.text_asking import BATCH, TextPlan, carry_out
from moatkeeper.redteam.text_features import words_of
from moatkeeper.redteam.text_students import word_student

SHORTEST, LONGEST = 3, 20  # words of a query where no foreign text tells a length; longer: more words, each heard less


class RandomWords:
    """Asks for as many sequences as it may; none where it knows no word."""

    name = "random-words"

    def __init__(self, knowledge: TextKnowledge) -> None:
        self._knowledge = knowledge
        self._words = list(knowledge.words) or sorted({word for text in knowledge.foreign for word in words_of(text)})
        self._lengths = [max(1, len(text.split())) for text in knowledge.foreign] or list(range(SHORTEST, LONGEST + 1))

    def run(self, victim: TextVictim, budget: int, rng: np.random.Generator) -> Loot[TextSurrogate]:
        """A student of at most ``budget`` answers."""
        record = carry_out(self._plan(rng), victim, budget, self._knowledge.outputs)
        return Loot(word_student(record))

    def _plan(self, rng: np.random.Generator) -> TextPlan:
        while self._words:
            yield [self._nonsense(rng) for _ in range(BATCH)]

    def _nonsense(self, rng: np.random.Generator) -> str:
        length: int = self._lengths[rng.integers(len(self._lengths))]
        return " ".join(_chosen(self._words, rng.integers(len(self._words), size=length)))


def _chosen(words: Sequence[str], indexes: np.ndarray) -> list[str]:
    return [words[index] for index in indexes]
