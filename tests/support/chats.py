"""A tiny open model, a victim that was privately tuned from it, and its owner's rule: made once for all tests that ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.judges import ChatJudge
from moatkeeper.redteam.knowledge import ChatKnowledge
from moatkeeper.redteam.open_models import Lesson, Part
from moatkeeper.redteam.tiny_lm import Schooling, Shape, TinyLm, untrained
from moatkeeper.redteam.toy_language import ToyLanguage, routing, secret_rule, summarising, toy_language

SHAPE = Shape(width=48)
SCHOOLING = Schooling(steps=80, base_rate=8e-3, rates=((Part.WHOLE, 4e-3), (Part.HEAD, 1e-2), (Part.ADAPTER, 2e-2)))


class Chat:
    """A chat victim that answers at most ``allowance`` prompts and notes them; ``shuffled`` mixes its answers up."""

    def __init__(self, model: TinyLm, allowance: int = 10**9, shuffled: bool = False) -> None:
        self.asked: list[str] = []
        self._model = model
        self._allowance = allowance
        self._shuffled = shuffled

    @property
    def spent(self) -> Expenses:
        return Expenses(requests=len(self.asked))

    def ask(self, questions: Sequence[str]) -> Sequence[str]:
        answered = list(questions[: self._allowance])
        self._allowance -= len(answered)
        self.asked.extend(answered)
        answers = self._model.answers(answered)
        if not self._shuffled:
            return answers
        return [answers[index] for index in np.random.default_rng(0).permutation(len(answers))]


@dataclass(frozen=True)
class ChatWorld:
    """Two open models that know the language, a victim tuned from the first, and what a thief has."""

    language: ToyLanguage
    base: TinyLm
    victim: TinyLm
    judge: ChatJudge
    prompts: list[str]
    foreign: list[str]

    def knowledge(self, **bases: TinyLm) -> ChatKnowledge:
        return ChatKnowledge(self.prompts, self.foreign, bases)


@cache
def language() -> ToyLanguage:
    return toy_language(0, topics=4)


@cache
def open_base(seed: int = 0) -> TinyLm:
    """A model that has learned to summarise; another one for each seed."""
    texts = language().messages(3_000, np.random.default_rng(seed))
    lessons = [Lesson(prompt, language().summary(message)) for prompt, message in zip(summarising(texts), texts, strict=True)]
    return scratch(seed).schooled(lessons, 200, seed)


def scratch(seed: int = 0) -> TinyLm:
    """A model that knows nothing."""
    return untrained(language().words, seed, SHAPE, SCHOOLING)


@cache
def world() -> ChatWorld:
    rule = secret_rule(language(), 3)
    private, held_out, own, foreign = (
        language().messages(count, np.random.default_rng(seed)) for count, seed in ((300, 11), (150, 12), (300, 13), (40, 14))
    )
    lessons = [Lesson(prompt, rule.answer(message)) for prompt, message in zip(routing(private), private, strict=True)]
    kept = language().messages(150, np.random.default_rng(15))
    lessons += [Lesson(prompt, language().summary(message)) for prompt, message in zip(summarising(kept), kept, strict=True)]
    victim = open_base().tuned(lessons, Part.ADAPTER, seed=2)
    prompts = routing(held_out)
    right = dict(zip(prompts, [rule.answer(message) for message in held_out], strict=True))
    judge = ChatJudge(prompts, victim.answers(prompts), lambda prompt, answer: right[prompt] == answer)
    return ChatWorld(language(), open_base(), victim, judge, routing(own), summarising(foreign))
