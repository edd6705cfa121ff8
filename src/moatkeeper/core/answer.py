"""What a model said: named outputs, each an array with one row per input row, or generated text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

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
    """One named output. ``numbers`` has shape (n, m): a row per input row, flattened; LABELS may carry ``None``.

    Shape (n, 1) stands for one number a row (a probability of the positive class, or a regression value). The only row of an
    answer may be a plain list of m floats instead: arrays cost more to make than one row takes to work on.
    """

    name: str
    kind: OutputKind
    numbers: FloatArray | list[float] | None

    @property
    def values(self) -> FloatArray | None:
        """The numbers as an array, shape (n, m)."""
        numbers = self.numbers
        return np.array([numbers]) if type(numbers) is list else numbers  # type: ignore[return-value]


@quick
@dataclass(frozen=True, slots=True)
class Answer:
    """The outputs of one reply, in the order of the wire. Generated text is counted, not carried: ``tokens``."""

    outputs: tuple[Output, ...]
    tokens: int = 0

    @property
    def vectors(self) -> int:
        """The most rows of numbers that any output holds: more than the request's rows where a model answers several each."""
        most = 0
        for output in self.outputs:
            numbers = output.numbers
            rows = 0 if numbers is None else 1 if type(numbers) is list else len(numbers)
            most = rows if rows > most else most
        return most


@quick
@dataclass(frozen=True, slots=True)
class Usage:
    """What a query truly cost, known after the answer. ``tokens`` is 0 where the model is not metered in tokens."""

    rows: int
    tokens: int = 0
