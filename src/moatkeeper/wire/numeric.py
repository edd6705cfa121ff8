"""Nested JSON lists and the arrays in them: what is a number is found, made less precise, and put back in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.answer import Output, OutputKind
from moatkeeper.core.query import FloatArray
from moatkeeper.core.quick import quick
from moatkeeper.errors import UnexpectedAnswer

MAX_DEPTH = 16
"""Axes of one tensor; numpy allows 64, and no model server in use answers with more than eight."""

_FLOATS = frozenset({float})

NUMERIC = frozenset({float, int})
"""The types of JSON numbers; bool is neither here, although Python would call it an int."""


@quick
@dataclass(frozen=True, slots=True)
class Column:
    """One output of an answer as JSON: the parsed value, and the shape of its numbers (empty: labels, untouched)."""

    output: Output
    value: object
    shape: tuple[int, ...] = ()


def column(name: str, kind: OutputKind, value: object, rows: int) -> Column:
    """One output of ``rows`` rows from its JSON value.

    Where nobody declared the kind (NUMBERS), values without a fraction anywhere are LABELS, and so are strings and
    booleans. Raises UnexpectedAnswer for ragged numbers, for numbers mixed with other values, and for another number of
    rows.
    """
    if type(value) is not list or len(value) != rows:
        found = f"{len(value)} rows" if isinstance(value, list) else type(value).__name__
        raise UnexpectedAnswer(f"expected {rows} rows of output {name!r}, found {found}")
    if rows == 1:
        first = value[0]
        row = first if type(first) is list else value
        if _FLOATS.issuperset(map(type, row)) and row:
            return Column(Output(name, kind, row), value, (1,) if row is value else (1, len(row)))
    kinds = leaf_types(value)
    if kind is OutputKind.NUMBERS and float not in kinds and dict not in kinds:
        return Column(Output(name, OutputKind.LABELS, None), value)
    array = to_array(name, value, kinds)
    return Column(Output(name, kind, flat(array)), value, array.shape)


def to_array(name: str, value: list[object], kinds: set[type]) -> FloatArray:
    """Nested lists of numbers as an array; raises UnexpectedAnswer for ragged ones, or other leaves than numbers."""
    if not kinds <= NUMERIC:
        raise UnexpectedAnswer(f"output {name!r} holds other values than numbers")
    try:
        return np.array(value, dtype=np.float64)
    except ValueError:
        raise UnexpectedAnswer(f"output {name!r} is ragged") from None


def leaf_types(values: Sequence[object], depth: int = MAX_DEPTH) -> set[type]:
    """The types of all values in nested lists; raises UnexpectedAnswer beyond ``depth`` levels."""
    kinds = set(map(type, values))
    if list in kinds:
        if depth == 1:
            raise UnexpectedAnswer(f"an output is nested more than {MAX_DEPTH} levels deep")
        kinds.remove(list)
        for item in values:
            if type(item) is list:
                kinds |= leaf_types(item, depth - 1)
    return kinds


def core(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its trailing axes of length 1 beyond the second: (n, k, 1) holds n rows of k scores, not n * k of one."""
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def flat(array: FloatArray) -> FloatArray:
    """An array of any shape as (r, m), where m is its last axis; one number a row where it has a single axis.

    An answer of shape (n, a, k) has n * a rows here, since scores belong together along the last axis only. Trailing axes
    of length 1 do not count as axes.
    """
    if array.ndim == 2:
        return array
    if array.ndim < 2:
        return array.reshape(-1, 1)
    shape = core(array.shape)
    return array.reshape(int(np.prod(shape[:-1])), shape[-1])


def shaped(values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Values of shape (r, m) in an answer's own shape; the last axis is m, the others are kept."""
    if len(shape) == 1:
        return values.reshape(-1)
    kept = core(shape)
    return values.reshape(*kept[:-1], values.shape[1], *[1] * (len(shape) - len(kept)))


def restore(output: Output, original: Column) -> object:
    """The JSON value of a released output in the shape it came in; its last axis may have become shorter."""
    numbers = output.numbers
    if type(numbers) is list:
        return numbers if len(original.shape) == 1 else [numbers]
    values = output.values
    if values is None:
        return original.value
    if len(original.shape) != 2:
        values = shaped(values, original.shape)
    listed: object = values.tolist()
    return listed
