"""The tuned part only: the victim is an open model with a new head or an adapter, and the thief has the same open model.

The open part need not be stolen, which is what makes it cheap: the grey-box case of Zanella-Beguelin et al. 2021, "Grey-box
extraction of natural language models", whose algebra on exact probabilities needs twice the head's width in queries. Here
the answers are texts, so that the part is trained on them rather than solved for; the open model is not told but found, as the
one under which the victim's answers to a few foreign prompts are likeliest; whether the head or an adapter (Hu et al. 2021) is
trained is settled on answers that were kept back.

What knowing the base is worth, the tuned part alone does not add to: on the toy task of bench/redteam/language.py a whole model
trained from the base copied as well as its adapter. And a victim that was tuned until it forgot what its base knew hides the
base from this test.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatkeeper.redteam.attacks.imitation import LARGEST_SEED
from moatkeeper.redteam.base import ChatSurrogate, ChatVictim, Loot
from moatkeeper.redteam.chat_copy import Parrot, bought, kin, shared
from moatkeeper.redteam.knowledge import ChatKnowledge
from moatkeeper.redteam.open_models import Lesson, OpenModel, Part, open_models

FINGERPRINTS = 8  # foreign prompts that tell the base, where there are several; more: surer, dearer
KEPT_BACK = 0.25  # of the answers, to choose the part on
FEWEST_TO_CHOOSE = 12  # answers; under that the head is trained, which has the least to go wrong


class AdapterTheft:
    """Asks a few foreign prompts if there is more than one base to choose from, then prompts of the task in random order."""

    name = "adapter-theft"

    def __init__(self, knowledge: ChatKnowledge, *, parts: Sequence[Part] = (Part.HEAD, Part.ADAPTER)) -> None:
        self._prompts = knowledge.prompts
        self._foreign = knowledge.foreign
        self._models = open_models(knowledge)
        self._parts = parts

    def run(self, victim: ChatVictim, budget: int, rng: np.random.Generator) -> Loot[ChatSurrogate]:
        """The base with the tuned part; findings: ``base_margin`` as for imitation, and which ``part`` was taken, by number."""
        foreign = [self._foreign[index] for index in rng.permutation(len(self._foreign))[:FINGERPRINTS]]
        prompts = [self._prompts[index] for index in rng.permutation(len(self._prompts))]
        seed = int(rng.integers(LARGEST_SEED))
        prints = bought(victim, foreign, budget) if len(self._models) > 1 else []
        refused = len(self._models) > 1 and len(prints) < min(budget, len(foreign))
        lessons = [] if refused else bought(victim, prompts, budget - len(prints))
        nearest = kin(self._models, prints or lessons)
        if nearest is None:
            return Loot(Parrot(lessons), {"base_margin": 0.0})
        part = self._best_part(nearest.base, lessons, seed)
        findings = {"base_margin": nearest.margin, "part": float(list(Part).index(part))}
        return Loot(nearest.base.tuned(lessons, part, seed), findings)

    def _best_part(self, base: OpenModel, lessons: Sequence[Lesson], seed: int) -> Part:
        if len(self._parts) == 1 or len(lessons) < FEWEST_TO_CHOOSE:
            return self._parts[0]
        kept = lessons[: round(KEPT_BACK * len(lessons))]
        learned = lessons[len(kept) :]
        return max(self._parts, key=lambda part: shared(base.tuned(learned, part, seed), kept))
