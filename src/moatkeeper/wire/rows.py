"""The rows of a request: counted and checked for their outline, but converted to nothing."""

from __future__ import annotations

from itertools import islice

from moatkeeper.core.query import InputKind, Inputs
from moatkeeper.errors import MalformedRequest

_NUMERIC = frozenset({float, int})
_NUMERIC_OR_MISSING = frozenset({float, int, type(None)})


def require_rows(value: object, what: str) -> list[object]:
    """The rows as they were sent; raises MalformedRequest unless they are a list of one row or more that is not ragged.

    Rows are compared by their lengths only: the model server checks what is in them, and refuses what it cannot use.
    """
    if type(value) is not list:
        raise MalformedRequest(f"{what} must be a list")
    if not value:
        raise MalformedRequest(f"{what} must hold at least one row")
    if len(value) == 1:
        return value
    kinds = set(map(type, value))
    if list in kinds:
        if len(kinds) != 1:
            raise MalformedRequest(f"{what} mixes lists with other values")
        if len(set(map(len, value))) != 1:
            raise MalformedRequest(f"the rows of {what} differ in length")
    elif len(kinds) > 1 and not kinds <= _NUMERIC_OR_MISSING:
        raise MalformedRequest(f"{what} mixes values of different kinds")
    return value


def by_row(value: object, what: str) -> Inputs:
    """Inputs of a list with an item for each row."""
    rows = require_rows(value, what)
    return Inputs(kind_of(rows[0]), len(rows), rows)


def by_column(value: object, what: str) -> Inputs:
    """Inputs of one tensor, or of an object of tensors by name, whose first axis is the rows.

    Where tensors differ in their first axis the longest counts, since a batch may come with single values.
    """
    if isinstance(value, dict) and value.keys() != {"b64"}:
        if not value:
            raise MalformedRequest(f"{what} must hold at least one tensor")
        tensors = {name: require_rows(each, f"{what}.{name}") for name, each in value.items() if isinstance(each, list)}
        rows = max(map(len, tensors.values()), default=1)
        if len(tensors) != len(value) or any(len(each) != rows for each in tensors.values()):
            return Inputs(InputKind.OPAQUE, rows, value)
        return Inputs(InputKind.RECORDS, rows, records(list(tensors), list(zip(*tensors.values(), strict=True))))
    if isinstance(value, list):
        return by_row(value, what)
    return Inputs(kind_of(value), 1, [value])


def records(names: list[str], rows: list[tuple[object, ...]]) -> list[dict[str, object]]:
    """A mapping of name to value for each row."""
    return [dict(zip(names, row, strict=True)) for row in rows]


def kind_of(row: object) -> InputKind:
    """What a row is, by its outside: an object of one base64 string is opaque."""
    if isinstance(row, dict):
        return InputKind.OPAQUE if row.keys() == {"b64"} else InputKind.RECORDS
    if isinstance(row, str):
        return InputKind.TEXTS
    return InputKind.NUMBERS


def all_numbers(values: list[object], *, sample: int = 64) -> bool:
    """Whether the first ``sample`` values are numbers or missing; larger: later strings are noticed, more time."""
    return set(map(type, islice(values, sample))) <= _NUMERIC_OR_MISSING
