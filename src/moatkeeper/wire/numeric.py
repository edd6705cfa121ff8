"""Nested JSON lists and the arrays in them: what is a number is found, made less precise, and put back in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.answer import Output, OutputKind
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer

MAX_DEPTH = 16
"""Axes of one tensor; numpy allows 64, and no model server in use answers with more than eight."""

_NUMERIC = frozenset({float, int})


@dataclass(frozen=True, slots=True)
class Column:
    """One output of an answer as JSON: the parsed value, and the shape of its numbers (empty: labels, untouched)."""

    output: Output
    value: object
    shape: tuple[int, ...] = ()


def require_rows(value: object, what: str) -> list[object]:
    """The rows of a request as they were sent; raises MalformedRequest unless they are a list that is not ragged.

    Only the length of each row is compared: the model server checks the rest, and what it cannot use it refuses.
    """
    if type(value) is not list:
        raise MalformedRequest(f"{what} must be a list")
    if not value:
        raise MalformedRequest(f"{what} must hold at least one row")
    if type(value[0]) is list:
        try:
            lengths = set(map(len, value))
        except TypeError:
            raise MalformedRequest(f"{what} mixes lists with other values") from None
        if len(lengths) != 1 or set(map(type, value)) != {list}:
            raise MalformedRequest(f"the rows of {what} differ in length")
    elif len(value) > 1 and not _alike(value):
        raise MalformedRequest(f"{what} mixes values of different kinds")
    return value


def _alike(rows: list[object]) -> bool:
    kinds = set(map(type, rows))
    return len(kinds) == 1 or kinds <= _NUMERIC


def column(name: str, kind: OutputKind, value: object, rows: int) -> Column:
    """One output of ``rows`` rows from its JSON value; whole numbers, strings and booleans are LABELS.

    Numbers keep their last axis: an answer of shape (n, a, k) becomes values of shape (n * a, k), since scores add up
    along the last axis only. Raises UnexpectedAnswer for ragged numbers and for another number of rows.
    """
    if type(value) is not list or len(value) != rows:
        found = f"{len(value)} rows" if isinstance(value, list) else type(value).__name__
        raise UnexpectedAnswer(f"expected {rows} rows of output {name!r}, found {found}")
    kinds: set[type] = set()
    _collect(value, kinds, MAX_DEPTH)
    if float not in kinds:
        return Column(Output(name, OutputKind.LABELS, None), value)
    if not kinds <= _NUMERIC:
        raise UnexpectedAnswer(f"output {name!r} mixes numbers with other values")
    try:
        array = np.array(value, dtype=np.float64)
    except ValueError:
        raise UnexpectedAnswer(f"output {name!r} is ragged") from None
    return Column(Output(name, kind, flat(array)), value, array.shape)


def _collect(values: Sequence[object], kinds: set[type], depth: int) -> None:
    here = set(map(type, values))
    if list in here:
        if depth == 1:
            raise UnexpectedAnswer(f"an output is nested more than {MAX_DEPTH} levels deep")
        here.discard(list)
        for item in values:
            if type(item) is list:
                _collect(item, kinds, depth - 1)
    kinds |= here


def flat(array: FloatArray) -> FloatArray:
    """An array of any shape as (r, m), where m is its last axis; one number a row where it has a single axis."""
    if array.ndim == 2:
        return array
    if array.ndim < 2:
        return array.reshape(-1, 1)
    return array.reshape(-1, array.shape[-1])


def restore(output: Output, original: Column) -> object:
    """The JSON value of a released output in the shape it came in; its last axis may have become shorter."""
    if output.values is None:
        return original.value
    return shaped(output.values, original.shape).tolist()


def shaped(values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Values of shape (r, m) in an answer's own shape; the last axis is m, the others are kept."""
    if len(shape) == 1:
        return values[:, 0]
    return values.reshape(*shape[:-1], values.shape[1])
