"""System prompts: requests that the model repeat its instructions, or forget them."""

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

_RULES, _TELLING, _OVERRIDE = ("rules",), ("telling",), ("override",)
_WEIGHTS: Weights = (
    (1, _RULES),
    (1, _OVERRIDE),
    (3, _RULES, _TELLING),
    (3, _RULES, _OVERRIDE),
)


def degrees(wording: Wording) -> IntArray:
    """How plainly each text is about the model's instructions, shape (n,), from 0 to MOST."""
    return weighed(wording, _WEIGHTS)


@packable
@dataclass(frozen=True, slots=True)
class FittedSystemPrompt:
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
        """How many texts were about the model's instructions."""
        return self.speech.explain(
            states,
            "ask the model to repeat or to forget its instructions",
            "follow instructions to repeat or to forget instructions",
        )


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """The detector, before it knows a model."""

    name: str = "system-prompt"
    purpose: Purpose = Purpose.INSTRUCTIONS
    meaning: str = "asks the model to repeat its instructions, or to forget them"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where the model does not generate text."""
        speech = Speech.fit(rows, degrees)
        return None if speech is None else FittedSystemPrompt(speech)
