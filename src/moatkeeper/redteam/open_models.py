"""Open language models as a thief uses them: they answer, say how likely an answer is, and learn other ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.knowledge import ChatKnowledge


class Part(StrEnum):
    """What of a model is trained."""

    WHOLE = "whole"
    HEAD = "head"  # the last layer
    ADAPTER = "adapter"  # low-rank additions to the layers before it (Hu et al. 2021)


@dataclass(frozen=True, slots=True)
class Lesson:
    """An answer to learn; and one to unlearn, where ``avoided`` is not empty."""

    prompt: str
    answer: str
    avoided: str = ""


@runtime_checkable
class OpenModel(Protocol):
    """A model whose weights are at hand. It is never changed: learning gives another one."""

    def answers(self, prompts: Sequence[str]) -> list[str]:
        """The likeliest text for each prompt."""
        ...

    def sampled(self, prompts: Sequence[str], seed: int) -> list[str]:
        """A text for each prompt, drawn from the model's distribution."""
        ...

    def likelihoods(self, lessons: Sequence[Lesson]) -> FloatArray:
        """The mean log-probability of a token of each lesson's answer, shape (n,), at most 0."""
        ...

    def tuned(self, lessons: Sequence[Lesson], part: Part, seed: int) -> OpenModel:
        """A model that has learned the lessons."""
        ...


def open_models(knowledge: ChatKnowledge) -> Mapping[str, OpenModel]:
    """The thief's open models by name; raises UsageError for one that cannot learn."""
    models = {name: base for name, base in knowledge.bases.items() if isinstance(base, OpenModel)}
    strange = sorted(knowledge.bases.keys() - models.keys())
    if strange:
        raise UsageError(f"the base {strange[0]!r} is no model that can learn", hint="Give one like redteam.tiny_lm.TinyLm.")
    return models
