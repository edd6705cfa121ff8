"""Shapes: what an object of the protocol may contain on its way out. Whatever a shape does not name stays behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from moatkeeper.core.contract import Contract
from moatkeeper.wire.complaints import plain_sentence

Shape = Callable[[object, Contract], object]
"""Takes a JSON value; gives back what may go out of it under a contract, or DROP. Null stays null in every shape."""

DROP: Final = object()
"""Nothing of the value may go out, not even its name."""

_SCALARS = frozenset({str, int, float, bool, type(None)})


def scalar(value: object, contract: Contract) -> object:
    """A string, number, boolean or null; an object or a list has no place here."""
    return value if type(value) in _SCALARS else DROP


def anything(value: object, contract: Contract) -> object:
    """The value as it is: only for what echoes the caller's own words (tools, schemas, metadata)."""
    return value


def flat(value: object, contract: Contract) -> object:
    """An object with names of the caller's choice, which hold plain values."""
    if not isinstance(value, dict):
        return None if value is None else DROP
    return {name: content for name, content in value.items() if type(content) in _SCALARS}


def complaint(value: object, contract: Contract) -> object:
    """The server's own words about a failure, as one sentence; null stays null."""
    return None if value is None else error_text(value)


def error_text(message: object) -> str:
    """The first line of the server's words, bounded and without a trace; a plain sentence where it has none.

    One line only: a failure inside an answer tells of the server, of which a caller can mend nothing.
    """
    lines = message.strip().splitlines() if isinstance(message, str) else []
    return (plain_sentence(lines[0]) if lines else "") or "the model server reported an error"


def null(value: object, contract: Contract) -> object:
    """Null, for a field that the schema wants to see and nobody should."""
    return None


def record(fields: Mapping[str, Shape]) -> Shape:
    """An object with the named fields and no others; null stays null."""
    shapes = dict(fields)
    if all(shape is scalar for shape in shapes.values()):
        return _flat_record(frozenset(shapes))

    def shape_record(value: object, contract: Contract) -> object:
        if not isinstance(value, dict):
            return None if value is None else DROP
        kept: dict[str, object] = {}
        for name, content in value.items():
            shape = shapes.get(name)
            if shape is None:
                continue
            if shape is scalar or content is None:  # four fields of five: spares them a call
                if type(content) in _SCALARS:
                    kept[name] = content
                continue
            shaped = shape(content, contract)
            if shaped is not DROP:
                kept[name] = shaped
        return kept

    return shape_record


def _flat_record(names: frozenset[str]) -> Shape:
    """An object whose fields all hold plain values."""

    def shape_flat(value: object, contract: Contract) -> object:
        if not isinstance(value, dict):
            return None if value is None else DROP
        return {name: content for name, content in value.items() if name in names and type(content) in _SCALARS}

    return shape_flat


def each(item: Shape) -> Shape:
    """A list whose items have one shape; null stays null."""

    def shape_each(value: object, contract: Contract) -> object:
        if not isinstance(value, list):
            return None if value is None else DROP
        return [shaped for content in value if (shaped := item(content, contract)) is not DROP]

    return shape_each


def by_type(shapes: Mapping[str, Shape]) -> Shape:
    """An object whose ``type`` says which shape it has; unknown types are dropped, null stays null."""
    known = dict(shapes)

    def shape_by_type(value: object, contract: Contract) -> object:
        if not isinstance(value, dict):
            return None if value is None else DROP
        kind = value.get("type")
        shape = known.get(kind) if isinstance(kind, str) else None
        return DROP if shape is None else shape(value, contract)

    return shape_by_type


def scalar_or(other: Shape) -> Shape:
    """A plain value, or one of another shape: text, or a list of parts."""

    def shape_scalar_or(value: object, contract: Contract) -> object:
        return value if type(value) in _SCALARS else other(value, contract)

    return shape_scalar_or


SCALARS = each(scalar)
"""A list of plain values."""


def scalars(names: str) -> dict[str, Shape]:
    """Fields that all hold plain values, from their names with spaces between."""
    return dict.fromkeys(names.split(), scalar)
