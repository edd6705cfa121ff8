"""ActiveThief, uncertainty: ask next what the copy so far is least sure of.

Pal et al. 2020, uncertainty strategy: the candidates of highest entropy under the substitute. Deviations: the
rounds have fixed sizes rather than tenths of the budget (see pool_rounds); the candidates are images of the right population
where the thief has any, and foreign ones only where he has none; the copy is a small network rather than the paper's.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.redteam.attacks.pool_rounds import (
    Indexes,
    Situation,
    ask_in_rounds,
    classifier_only,
    copy_of,
    own_images,
)
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge


class ActiveThiefUncertainty:
    """Asks each image at most once, the most uncertain first."""

    name = "activethief-uncertainty"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge
        self._images = own_images(self.name, knowledge.pool, knowledge.foreign)

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on at most ``budget`` answers."""
        bought = ask_in_rounds(self._images, victim, budget, rng, self._knowledge, most_uncertain)
        return Loot(copy_of(self._knowledge, bought, rng))


def most_uncertain(situation: Situation) -> Indexes:
    """Candidates in falling order of the entropy of the copy's scores."""
    logarithms = situation.net.log_scores(situation.candidates)
    entropy = -(np.exp(logarithms) * logarithms).sum(axis=1)
    return np.argsort(-entropy, kind="stable")
