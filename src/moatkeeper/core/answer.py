"""What a model said: named outputs, each an array with one row per input row, or generated text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from moatkeeper.core.query import FloatArray
from moatkeeper.core.quick import quick


class OutputKind(StrEnum):
    """What an output's numbers mean, which decides how they may be made less precise."""

    NUMBERS = "numbers"  # not declared: the contract or the values themselves decide between the next three
    SCORES = "scores"  # (n, k): one score a class; probabilities where a row lies in the simplex
    VALUES = "values"  # (n, m): regression values, or margins and logits
    EMBEDDINGS = "embeddings"  # (n, e)
    LABELS = "labels"  # decisions: strings or whole numbers, released as they are


@quick
@dataclass(frozen=True, slots=True)
class Output:
    """One named output. ``values`` has shape (n, m): a row per input row, flattened; LABELS may carry ``None``.

    Shape (n, 1) stands for one number a row (a probability of the positive class, or a regression value).
    """

    name: str
    kind: OutputKind
    values: FloatArray | None


@quick
@dataclass(frozen=True, slots=True)
class Answer:
    """The outputs of one reply, in the order of the wire. Generated text is counted, not carried: ``tokens``."""

    outputs: tuple[Output, ...]
    tokens: int = 0

    @property
    def vectors(self) -> int:
        """The most rows of numbers that any output holds: more than the request's rows where a model answers several each."""
        return max([len(output.values) for output in self.outputs if output.values is not None], default=0)


@quick
@dataclass(frozen=True, slots=True)
class Usage:
    """What a query truly cost, known after the answer. ``tokens`` is 0 where the model is not metered in tokens."""

    rows: int
    tokens: int = 0
