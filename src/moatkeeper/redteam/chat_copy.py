"""What thieves of models that write have in common: lessons from answers, the base that a victim came from, a parrot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from moatkeeper.redteam.base import ChatVictim
from moatkeeper.redteam.judges import word_f1
from moatkeeper.redteam.open_models import Lesson, OpenModel


@dataclass(frozen=True, slots=True)
class Parrot:
    """Answers as the victim did to the most similar prompt that was asked, by words in common; nothing if none was."""

    lessons: Sequence[Lesson] = field(default=())

    def answers(self, prompts: Sequence[str]) -> list[str]:
        """One text for each prompt."""
        return [self._answer(prompt) for prompt in prompts]

    def _answer(self, prompt: str) -> str:
        return max(self.lessons, key=lambda lesson: word_f1(lesson.prompt, prompt)).answer if self.lessons else ""


def bought(victim: ChatVictim, prompts: Sequence[str], budget: int) -> list[Lesson]:
    """The victim's answers to as many of the prompts as the budget allows and the victim answers."""
    afforded = prompts[: max(0, budget)]
    if not afforded:
        return []
    return [Lesson(prompt, answer) for prompt, answer in zip(afforded, victim.ask(afforded), strict=False)]


@dataclass(frozen=True, slots=True)
class Kinship:
    """The open model that a victim's answers are likeliest under, by ``margin`` nats a token over the next."""

    base: OpenModel
    margin: float


def kin(models: Mapping[str, OpenModel], lessons: Sequence[Lesson]) -> Kinship | None:
    """The likeliest base of the victim that gave these answers; the first where there are none; None without models.

    Tuning moves a model little where it is asked what it was not tuned for, so that answers to foreign prompts tell most.
    """
    if not models:
        return None
    if not lessons:
        return Kinship(next(iter(models.values())), 0.0)
    found = {name: float(model.likelihoods(lessons).mean()) for name, model in models.items()}
    ranked = sorted(found, key=lambda name: -found[name])
    margin = found[ranked[0]] - found[ranked[1]] if len(ranked) > 1 else 0.0
    return Kinship(models[ranked[0]], margin)


def shared(model: OpenModel, lessons: Sequence[Lesson]) -> float:
    """The mean share of words that a model's answers have in common with the lessons', in [0, 1]; 0 without lessons."""
    if not lessons:
        return 0.0
    answers = model.answers([lesson.prompt for lesson in lessons])
    return sum(word_f1(answer, lesson.answer) for answer, lesson in zip(answers, lessons, strict=True)) / len(lessons)
