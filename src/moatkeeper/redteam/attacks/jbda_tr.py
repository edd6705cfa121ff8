"""Jacobian augmentation with targeted random steps: walk each image towards a random other class of the copy, then ask.

Juuti et al. 2019, T-RND with iterated steps. Deviations: those of jbda; ROUNDS small steps within the ball of REACH, with
the step length that Tang et al. 2024 use (1.85 REACH / ROUNDS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.jbda import ask_and_augment
from moatkeeper.redteam.attacks.pool_rounds import Indexes, classifier_only, copy_of, own_images
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge

if TYPE_CHECKING:
    from moatkeeper.redteam.nets import Net

REACH = 0.25  # of a column's range, that an image may move at the most: 64/255 in Juuti et al.
ROUNDS = 8
STRIDE = 1.85 / ROUNDS  # of REACH a step


class JbdaTr:
    """Asks some images, then what becomes of them on the way to other classes."""

    name = "jbda-tr"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge
        self._images = own_images(self.name, knowledge.pool, knowledge.foreign)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on at most ``budget`` answers."""
        bought = ask_and_augment(self._images, victim, budget, rng, self._knowledge, self._craft)
        return Loot(copy_of(self._knowledge, bought, rng))

    def _craft(self, net: Net, rows: FloatArray, labels: Indexes, number: int, rng: np.random.Generator) -> FloatArray:
        others = (labels + rng.integers(1, self._knowledge.outputs, size=len(labels))) % self._knowledge.outputs
        reach = REACH * (self._knowledge.highest - self._knowledge.lowest)
        moved = rows
        for _ in range(ROUNDS):
            stepped = moved + STRIDE * reach * np.sign(net.gradients(moved, others))
            moved = np.clip(stepped, rows - reach, rows + reach)
        return moved
