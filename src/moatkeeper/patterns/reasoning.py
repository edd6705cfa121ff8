"""Reasoning and rubrics: requests for what a student model is trained on, rather than for an answer.

What distillation campaigns asked for: the reasoning behind an answer, imagined or written out; critiques and grades by a
rubric, for a reward model; instructions with answers, for supervised training; and thoughts kept in one language (Anthropic's
report on distillation campaigns, February 2026; Frontier Model Forum, Adversarial Distillation, 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.speech import Speech, Weights, weighed
from moatkeeper.patterns.wording import Wording
from moatkeeper.sketch.base import Marks, Sketch

_THOUGHT, _HIDDEN, _VOICE, _REPLY = ("thought",), ("hidden",), ("voice",), ("reply",)
_GRADING, _CANDIDATES, _CRITIQUE = ("grading",), ("candidates",), ("critique",)
_MAKING, _DATASET, _TONGUE, _LESSON = ("making",), ("dataset",), ("tongue",), ("lesson",)
_WEIGHTS: Weights = (
    (1, _THOUGHT),
    (1, _THOUGHT, _VOICE),
    (1, _THOUGHT, _REPLY),
    (2, _THOUGHT, _HIDDEN),
    (1, _HIDDEN, _VOICE, _REPLY),
    (1, _GRADING, _REPLY),
    (3, _GRADING, _CANDIDATES),
    (3, _CRITIQUE, _CANDIDATES),
    (1, _DATASET),
    (2, _MAKING, _DATASET),
    (1, _TONGUE),
    (2, _TONGUE, _THOUGHT),
    (-2, _LESSON),  # guides, recipes and interviews are asked for step by step, too
)


def degrees(wording: Wording) -> IntArray:
    """How plainly each text asks for training material, shape (n,), from 0 to MOST."""
    return weighed(wording, _WEIGHTS)


@packable
@dataclass(frozen=True, slots=True)
class FittedReasoning:
    """Ranks of honest texts."""

    speech: Speech

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return self.speech.sketches()

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value."""
        return self.speech.marks(rows, degrees)

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of such texts in standard deviations between honest accounts."""
        return self.speech.read(states, counts)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many texts asked for reasoning, grades or training examples."""
        return self.speech.explain(
            states,
            "ask for reasoning, grades or training examples",
            "follow instructions that ask for reasoning, grades or training examples",
        )


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The detector, before it knows a model."""

    name: str = "reasoning"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "asks for reasoning, critiques, grades or training examples, on which another model can be trained"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where the model does not generate text."""
        speech = Speech.fit(rows, degrees)
        return None if speech is None else FittedReasoning(speech)
