"""Random sampling: ask images of the right population in random order, then train a network on the answers.

The baseline of every image attack, and no weaker than any of them at 10,000 questions in independent runs (MEBench, MNIST:
random 0.926, ActiveThief DFAL 0.921, Knockoff 0.915). Once the pool is spent, foreign images follow, in random order too.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.pool_rounds import (
    all_images,
    classifier_only,
    copy_of,
    nothing_bought,
)
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge


class RandomPool:
    """Asks every image of the thief at most once, those of the right population first."""

    name = "random-pool"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge
        self._images = all_images(self.name, knowledge)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on at most ``budget`` answers."""
        near = len(self._knowledge.pool)
        order = np.concatenate([rng.permutation(near), near + rng.permutation(len(self._images) - near)])
        asked = self._images[order[:budget]]
        bought = nothing_bought(self._knowledge).and_then(asked, victim.ask(asked))
        return Loot(copy_of(self._knowledge, bought, rng))
