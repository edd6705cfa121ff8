"""One request to a model: who asks, when, what, and how much of everything it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from moatkeeper.core.caller import Caller
from moatkeeper.core.quick import quick

FloatArray = npt.NDArray[np.float64]


class InputKind(StrEnum):
    """What the rows of a request are."""

    NUMBERS = "numbers"  # (n, d) after flattening each row
    RECORDS = "records"  # n mappings of column name to value
    TEXTS = "texts"  # n strings
    CHATS = "chats"  # n lists of messages
    OPAQUE = "opaque"  # bytes or tensors that we do not look into


@quick
@dataclass(frozen=True, slots=True)
class Inputs:
    """The n rows of a request, as the wire format parsed them; ``rows`` is what limits charge.

    ``values`` is a sequence of ``rows`` items, or an array whose first axis is the rows; it stays in the parsed form so
    that the request path converts nothing. A format decodes to arrays only what it must (binary tensors).
    """

    kind: InputKind
    rows: int
    values: object = None

    def numbers(self) -> FloatArray:
        """The rows as floats, shape (n, d), each row flattened; ``ValueError`` where they are not numbers."""
        if self.kind is not InputKind.NUMBERS:
            raise ValueError(f"inputs are {self.kind.value}, not numbers")
        array = np.asarray(self.values, dtype=np.float64)
        return array.reshape(self.rows, -1)


@quick
@dataclass(frozen=True, slots=True)
class Cost:
    """What a query is charged: one request, its rows, its tokens, and its price in the operator's currency.

    ``tokens`` is an upper bound when reserved (prompt estimate plus what may be generated) and the true count when settled.
    """

    rows: int
    tokens: int = 0
    money: float = 0.0
    requests: int = 1


@quick
@dataclass(frozen=True, slots=True)
class Query:
    """One request. ``at`` is UTC seconds since 1970 and the only clock that the floors below ``serve`` know."""

    id: str
    caller: Caller
    model: str
    at: float
    inputs: Inputs
    cost: Cost
    outputs: frozenset[str] = frozenset()  # the outputs asked for by name; empty: the server's own choice
