"""Knockoff Nets, random: ask public images of whatever population in random order, and train on the probabilities.

Orekondy et al. 2019, section 4.1.1. Deviations: the public images are all that the thief has, foreign ones and those of the
right population together (the paper's closed world); the copy begins with random weights, not ones learned on ImageNet.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.pool_rounds import all_images, ask_at_random, classifier_only, copy_of
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge


class Knockoff:
    """Asks every image of the thief at most once, foreign or not."""

    name = "knockoff"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge
        self._images = all_images(self.name, knowledge)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on at most ``budget`` answers."""
        bought = ask_at_random(self._images, victim, budget, rng, self._knowledge)
        return Loot(copy_of(self._knowledge, bought, rng))
