"""Copycat CNN: ask images from elsewhere, keep nothing but the labels, and train on those.

Correia-Silva et al. 2018. Deviations: the copy begins with random weights, not ones learned on ImageNet; labels
are not balanced between classes by repetition. A thief without foreign images asks those of his pool, which is the paper's
data of the problem's own domain.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.pool_rounds import (
    Bought,
    ask_at_random,
    classifier_only,
    copy_of,
    hard,
    own_images,
)
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge


class Copycat:
    """Asks foreign images in random order, each at most once."""

    name = "copycat"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge
        self._images = own_images(self.name, knowledge.foreign, knowledge.pool)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on the labels of at most ``budget`` answers."""
        bought = ask_at_random(self._images, victim, budget, rng, self._knowledge)
        labels = Bought(bought.rows, hard(bought.answers)) if len(bought) else bought
        return Loot(copy_of(self._knowledge, labels, rng))
