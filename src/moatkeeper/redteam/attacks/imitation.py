"""Imitation: ask many prompts of all kinds, and fine-tune an open model on the answers.

Wallace et al. 2020, "Imitation attacks and defenses for black-box machine translation systems", section 3; Taori et al. 2023
(Alpaca) did it to a chat model with 52,000 answers. Deviations: the prompts are the thief's own, of the task and foreign ones
in one random order, not made by the victim; of several open models the one under which the answers are likeliest is taken;
without any, the copy is a parrot, which repeats the answer to the most similar prompt.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.redteam.base import ChatSurrogate, ChatVictim, Loot
from moatkeeper.redteam.chat_copy import Parrot, bought, kin
from moatkeeper.redteam.knowledge import ChatKnowledge
from moatkeeper.redteam.open_models import Part, open_models

LARGEST_SEED = 2**31


class Imitation:
    """Asks the thief's prompts in random order, and trains a whole model on the answers."""

    name = "imitation"

    def __init__(self, knowledge: ChatKnowledge) -> None:
        self._prompts = [*knowledge.prompts, *knowledge.foreign]
        self._models = open_models(knowledge)

    def run(self, victim: ChatVictim, budget: int, rng: np.random.Generator) -> Loot[ChatSurrogate]:
        """The tuned model; finding: by how many nats a token the open model that was taken fits better than the next."""
        prompts = [self._prompts[index] for index in rng.permutation(len(self._prompts))]
        seed = int(rng.integers(LARGEST_SEED))
        lessons = bought(victim, prompts, budget)
        nearest = kin(self._models, lessons)
        if nearest is None:
            return Loot(Parrot(lessons), {"base_margin": 0.0})
        return Loot(nearest.base.tuned(lessons, Part.WHOLE, seed), {"base_margin": nearest.margin})
