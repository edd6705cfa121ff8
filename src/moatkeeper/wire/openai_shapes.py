"""Shapes: what an object of the protocol may contain on its way out. Whatever a shape does not name stays behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from moatkeeper.core.contract import Contract

Shape = Callable[[object, Contract], object]
"""Takes a JSON value; gives back what may go out of it under a contract, or DROP."""

DROP: Final = object()
"""Nothing of the value may go out, not even its name."""

_SCALARS = frozenset({str, int, float, bool, type(None)})


def scalar(value: object, contract: Contract) -> object:
    """A string, number, boolean or null; an object or a list has no place here."""
    return value if type(value) in _SCALARS else DROP


def anything(value: object, contract: Contract) -> object:
    """The value as it is: only for what echoes the caller's own words (tools, schemas, metadata)."""
    return value


def null(value: object, contract: Contract) -> object:
    """Null, for a field that the schema wants to see and nobody should."""
    return None


class Record:
    """An object with the named fields and no others; null stays null."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Shape]) -> None:
        self._fields = dict(fields)

    def __call__(self, value: object, contract: Contract) -> object:
        """The object with its known fields, or DROP."""
        if not isinstance(value, dict):
            return None if value is None else DROP
        fields = self._fields
        kept: dict[str, object] = {}
        for name, content in value.items():
            shape = fields.get(name)
            if shape is None:
                continue
            if shape is scalar:  # four fields of five: spares them a call
                if type(content) in _SCALARS:
                    kept[name] = content
                continue
            shaped = shape(content, contract)
            if shaped is not DROP:
                kept[name] = shaped
        return kept


class Each:
    """A list whose items have one shape; null stays null."""

    __slots__ = ("_item",)

    def __init__(self, item: Shape) -> None:
        self._item = item

    def __call__(self, value: object, contract: Contract) -> object:
        """The list of what may go out of each item, or DROP."""
        if not isinstance(value, list):
            return None if value is None else DROP
        item = self._item
        return [shaped for content in value if (shaped := item(content, contract)) is not DROP]


class ByType:
    """An object whose ``type`` says which shape it has; unknown types are dropped."""

    __slots__ = ("_shapes",)

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = dict(shapes)

    def __call__(self, value: object, contract: Contract) -> object:
        """The object in the shape of its type, or DROP."""
        if not isinstance(value, dict):
            return None if value is None else DROP
        kind = value.get("type")
        shape = self._shapes.get(kind) if isinstance(kind, str) else None
        return DROP if shape is None else shape(value, contract)


class ScalarOr:
    """A plain value, or one of another shape: text, or a list of parts."""

    __slots__ = ("_other",)

    def __init__(self, other: Shape) -> None:
        self._other = other

    def __call__(self, value: object, contract: Contract) -> object:
        """The plain value, or what may go out of the other."""
        return value if type(value) in _SCALARS else self._other(value, contract)


SCALARS = Each(scalar)
"""A list of plain values."""


def scalars(names: str) -> dict[str, Shape]:
    """Fields that all hold plain values, from their names with spaces between."""
    return dict.fromkeys(names.split(), scalar)
