"""What a setting takes, in words, read from its declaration: faults, the printed schema and the reference quote it."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from moatkeeper.config.quantities import OFF, Off, Takes

NAME = "NAME"
"""Stands for the name that the operator chooses, in ``[tiers.NAME]`` and ``[models.NAME]``."""

_PLAIN_TYPES: Mapping[object, str] = {
    str: "text",
    Path: "a path",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting. ``path`` names it as in the file; ``default`` is TOML text, empty where there is none."""

    path: str
    takes: str
    default: str
    help: str
    required: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file: its header as it is written, such as ``[[routes.override]]``, its purpose and its settings."""

    header: str
    help: str
    settings: tuple[Setting, ...]


def tables(root: type[BaseModel]) -> tuple[Table, ...]:
    """Every table that the file may hold, parents before their children, in the order of declaration."""
    return tuple(_tables(root, (), many=False))


def top(root: type[BaseModel]) -> tuple[Setting, ...]:
    """The settings that stand above all tables of the file, in the order of declaration."""
    return tuple(_setting((name,), field) for name, field in root.model_fields.items() if _child(field.annotation)[1] is None)


def takes(annotation: object, metadata: Sequence[object] = ()) -> str:
    """What a value of an annotated type may be, in words, such as ``a whole number from 0 to 65535``."""
    stated = [mark.words for mark in metadata if isinstance(mark, Takes)]
    if Off in metadata:
        without_off = [mark for mark in metadata if mark is not Off]
        return f'{takes(annotation, without_off)}, or "{OFF}"'
    if stated:
        return stated[-1]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return takes(arguments[0], (*arguments[1:], *metadata))
    if origin in (Union, types.UnionType):
        return " or ".join(takes(option, metadata) for option in arguments if option is not types.NoneType)
    if origin is Literal:
        return _choice(arguments)
    if origin in (tuple, frozenset):
        return f"a list, each item {takes(arguments[0])}"
    if origin is dict:
        return "tables, each by its name"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _choice([member.value for member in annotation])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "a table"
    return _PLAIN_TYPES[annotation] + _range(metadata)


def model_at(root: type[BaseModel], path: Sequence[object]) -> type[BaseModel] | None:
    """The table that stands at a key path of the file, or None where none is declared."""
    place: object = root
    for part in path:
        place = _inside(place, part)
    return next((option for option in _options(place) if isinstance(option, type) and issubclass(option, BaseModel)), None)


def takes_at(root: type[BaseModel], path: Sequence[object]) -> str:
    """What the file may say at a key path, in words; empty where nothing is declared."""
    owner = model_at(root, path[:-1]) if path else None
    field = owner.model_fields.get(str(path[-1])) if owner is not None else None
    if field is not None:
        return takes(field.annotation, field.metadata)
    place: object = root
    for part in path:
        place = _inside(place, part)
    return takes(place) if place is not None else ""


def value_text(root: type[BaseModel], path: Sequence[object], value: object) -> str:
    """A value as the file would say it at a key path; ``none`` where a key without a value is left out."""
    return "none" if value is None and not takes_at(root, path).endswith(f'"{OFF}"') else toml_text(value)


def toml_text(value: object) -> str:
    """A value as TOML writes it; None as ``"off"``, a table without the keys that have no value."""
    if value is None:
        return f'"{OFF}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return json.dumps(value.value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, BaseModel):
        pairs = [
            f"{name} = {toml_text(getattr(value, name))}"
            for name in type(value).model_fields
            if getattr(value, name) is not None
        ]
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(str(name))} = {toml_text(item)}" for name, item in value.items()) + " }"
    if isinstance(value, Sequence | Set) and not isinstance(value, str):
        return "[" + ", ".join(toml_text(item) for item in value) + "]"
    return json.dumps(str(value), ensure_ascii=False) if isinstance(value, str | Path) else str(value)


def _tables(model: type[BaseModel], path: tuple[str, ...], *, many: bool) -> Iterator[Table]:
    settings: list[Setting] = []
    below: list[Iterator[Table]] = []
    for name, field in model.model_fields.items():
        here = (*path, name)
        shape, child = _child(field.annotation)
        if child is None or shape == "many":
            settings.append(_setting(here, field))
        if child is not None:
            below.append(_tables(child, (*here, NAME) if shape == "named" else here, many=shape == "many"))
    if path:
        header = f"[[{'.'.join(path)}]]" if many else f"[{'.'.join(path)}]"
        yield Table(header, (model.__doc__ or "").strip(), tuple(settings))
    for children in below:
        yield from children


def _child(annotation: object) -> tuple[Literal["table", "named", "many"], type[BaseModel] | None]:
    """The table below a field, and whether it stands there once, by names, or in a list."""
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return "table", option
        if get_origin(option) is dict:
            return "named", model_at_item(option)
        if get_origin(option) is tuple and (item := model_at_item(option)) is not None:
            return "many", item
    return "table", None


def model_at_item(container: object) -> type[BaseModel] | None:
    """The table that a list or mapping of tables holds, or None where it holds something else."""
    item = get_args(container)[1 if get_origin(container) is dict else 0]
    return item if isinstance(item, type) and issubclass(item, BaseModel) else None


def _options(annotation: object) -> tuple[object, ...]:
    """The members of a union without None, or the annotation alone, without what annotates it."""
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(option for option in get_args(annotation) if option is not types.NoneType)
    return (annotation,)


def _inside(place: object, part: object) -> object:
    """The annotation one step further down, or None where nothing is declared."""
    for option in _options(place):
        if isinstance(option, type) and issubclass(option, BaseModel):
            field = option.model_fields.get(str(part))
            return field.annotation if field is not None else None
        if get_origin(option) is dict:
            return get_args(option)[1]
        if get_origin(option) in (tuple, frozenset):
            return get_args(option)[0]
    return None


def _setting(path: tuple[str, ...], field: FieldInfo) -> Setting:
    required = field.is_required()
    default = None if required else field.get_default(call_default_factory=True, validated_data={})
    return Setting(
        path=".".join(path),
        takes=takes(field.annotation, field.metadata),
        default="" if required or (default is None and Off not in field.metadata) else toml_text(default),
        help=field.description or "",
        required=required,
    )


def _choice(values: Sequence[object]) -> str:
    words = [json.dumps(value) for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _range(metadata: Sequence[object]) -> str:
    least = next((mark.ge for mark in metadata if isinstance(mark, Ge)), None)
    most = next((mark.le for mark in metadata if isinstance(mark, Le)), None)
    above = next((mark.gt for mark in metadata if isinstance(mark, Gt)), None)
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f", at least {least}"
    if above is not None:
        return f" above {above}"
    return ""
