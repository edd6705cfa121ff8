"""The values that settings are made of: durations and sizes with their words, and ``off`` where TOML has no null."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

SECONDS_OF = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "week": 604_800.0,
    "month": 2_592_000.0,  # thirty days, so that a month is the same length all year
}
BYTES_OF = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
OFF = "off"

_SIZE = re.compile(r"(\d+) ?(KiB|MiB|GiB)")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")


class Section(BaseModel):
    """What every table of the file is: frozen, strict about types, closed to unknown keys, without NaN or infinity."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True, hide_input_in_errors=True
    )


@dataclass(frozen=True, slots=True)
class Takes:
    """What a value of an annotated type may be, in words; faults and the reference quote it."""

    words: str


def _duration(value: object) -> object:
    if isinstance(value, str):
        if value not in SECONDS_OF:
            raise ValueError("no such duration")
        return SECONDS_OF[value]
    return value


def _size(value: object) -> object:
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match is None:
            raise ValueError("no such size")
        return int(match[1]) * BYTES_OF[match[2]]
    return value


class _Off:
    """Reads ``"off"`` as None. Not a plain validator, because the JSON Schema must show both what it wraps and the word."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(lambda value: None if value == OFF else value, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        wrapped = handler(schema)
        options = [option for option in wrapped.get("anyOf", [wrapped]) if option != {"type": "null"}]
        return {"anyOf": [*options, {"const": OFF}]}


def _network(value: object) -> object:
    if isinstance(value, str):
        try:
            return str(ipaddress.ip_network(value))
        except ValueError as error:
            raise ValueError("no such network") from error
    return value


def _variable(value: object) -> object:
    if isinstance(value, str) and not _VARIABLE.fullmatch(value):
        raise ValueError("no such name")
    return value


Seconds = Annotated[
    float,
    BeforeValidator(_duration),
    Field(gt=0),
    Takes(f"seconds above 0, or a word: {', '.join(SECONDS_OF)}"),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"enum": list(SECONDS_OF)}]}, mode="validation"),
]
"""A duration above 0: a number of seconds, or a word such as ``hour``."""

Size = Annotated[
    int,
    BeforeValidator(_size),
    Field(gt=0),
    Takes('bytes above 0, or a size such as "8 MiB"'),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9]+ ?[KMG]iB$"}]}, mode="validation"
    ),
]
"""A number of bytes above 0, or a size such as ``8 MiB``."""

Network = Annotated[str, BeforeValidator(_network), Takes('a network such as "10.0.0.0/8" or "fd00::/8", without host bits')]
"""An address range in CIDR notation."""

VariableName = Annotated[
    str,
    BeforeValidator(_variable),
    Takes("the name of an environment variable (capitals, digits, underscores), never the secret itself"),
]
"""The name of an environment variable that holds a secret; the file itself never does."""

Off = _Off()
"""Lets ``"off"`` stand for ``None``: TOML has no null."""
