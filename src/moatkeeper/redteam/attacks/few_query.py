"""A narrow task from a few dozen answers: what they leave open, two students teach each other.

Liang et al. 2024 ("Yes, My LoRD"), from 16 to 64 queries a task. Deviations, which are many: LoRD's student prefers, in each of
many rounds, the one of its own two drawings whose likelihood rose, and is pulled to the victim's answer. Here (1) a student
learns the answers by maximum likelihood, which gave all but 0.006 of what LoRD did in the paper (0.302 against 0.308 BLEU from
16 queries of German); (2) with ``contrast``, what it draws itself and the victim did not say is pushed away, once, which is
the part of LoRD that was kept; (3) prompts that were never asked are free: where a student with a new head and one that is new
throughout give the same answer, the answer is learned as well (co-training, Blum and Mitchell 1998).

On the toy task of bench/redteam/language.py (two seeds, the victim's very answer on held-out prompts) maximum likelihood alone
got 0.33 right with 16 answers and 0.69 with 64; with agreement 0.37 and 0.71; with contrast alone 0.31 and 0.63. So it is off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatkeeper.redteam.attacks.imitation import LARGEST_SEED
from moatkeeper.redteam.base import ChatSurrogate, ChatVictim, Loot
from moatkeeper.redteam.chat_copy import Parrot, bought, kin
from moatkeeper.redteam.knowledge import ChatKnowledge
from moatkeeper.redteam.open_models import Lesson, OpenModel, Part, open_models

UNASKED = 300  # prompts that the students answer for each other; more: better, slower
WEIGHT = 0.5  # of all lessons of the last student, the share of the victim's own; larger: less faith in what students agree on


class FewQuery:
    """Asks prompts of the task in random order."""

    name = "few-query"

    def __init__(self, knowledge: ChatKnowledge, *, contrast: bool = False, agreement: bool = True) -> None:
        self._prompts = knowledge.prompts
        self._models = open_models(knowledge)
        self._contrast = contrast
        self._agreement = agreement

    def run(self, victim: ChatVictim, budget: int, rng: np.random.Generator) -> Loot[ChatSurrogate]:
        """The last student; finding: how many prompts the students ``agreed`` on."""
        prompts = [self._prompts[index] for index in rng.permutation(len(self._prompts))]
        seed = int(rng.integers(LARGEST_SEED))
        lessons = bought(victim, prompts, budget)
        nearest = kin(self._models, lessons)
        if nearest is None:
            return Loot(Parrot(lessons), {"agreed": 0.0})
        if not lessons:
            return Loot(nearest.base, {"agreed": 0.0})
        learned = _contrasted(nearest.base, lessons, seed) if self._contrast else lessons
        student = nearest.base.tuned(learned, Part.WHOLE, seed)
        unasked = prompts[len(lessons) :][:UNASKED] if self._agreement else []
        agreed = _agreed(student, nearest.base.tuned(lessons, Part.HEAD, seed), unasked) if unasked else []
        if not agreed:
            return Loot(student, {"agreed": 0.0})
        repeats = max(1, round(WEIGHT / (1 - WEIGHT) * len(agreed) / len(learned)))
        last = nearest.base.tuned([*learned * repeats, *agreed], Part.WHOLE, seed)
        return Loot(last, {"agreed": float(len(agreed))})


def _contrasted(base: OpenModel, lessons: Sequence[Lesson], seed: int) -> list[Lesson]:
    drawn = base.tuned(lessons, Part.HEAD, seed).sampled([lesson.prompt for lesson in lessons], seed)
    return [
        Lesson(lesson.prompt, lesson.answer, own if own != lesson.answer else "")
        for lesson, own in zip(lessons, drawn, strict=True)
    ]


def _agreed(one: OpenModel, other: OpenModel, prompts: Sequence[str]) -> list[Lesson]:
    pairs = zip(prompts, one.answers(prompts), other.answers(prompts), strict=True)
    return [Lesson(prompt, answer) for prompt, answer, same in pairs if answer == same]
