"""One canonical byte form of a record: the same facts give the same bytes, on every machine and in every release.

The form is RFC 8785 (JSON Canonicalization Scheme) over a part of JSON on which orjson and RFC 8785 agree byte for byte:

- numbers are whole and within 53 bits, so that no rule for printing floats is needed: times are microseconds, amounts are
  whole numbers or strings;
- names are sorted by code point, RFC 8785 by UTF-16 unit; the two differ only beyond U+FFFF, so names are ASCII;
- strings are UTF-8 with the shortest escapes; lone surrogates have no UTF-8 form and are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

Value = str | int | bool | None | Sequence["Value"] | Mapping[str, "Value"]
"""What a record may hold. No float, no bytes, no date."""

Record = Mapping[str, Value]

MICROSECONDS = 1_000_000
"""In a second: the unit of every time that is kept."""

WHOLE_LIMIT = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 8785 section 3.2.2.3, after ECMAScript)."""

_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)
_PLAIN = frozenset({str, int, bool, type(None)})


class NotCanonical(ValueError):
    """A record holds something that has no canonical form; the message names where it lies and what was expected."""


def canonical(record: Record) -> bytes:
    """The canonical bytes of a record; raises NotCanonical where it has none."""
    # Most records are flat and ASCII, and are written thousands of times a second: they pay for one look at their types.
    if not _PLAIN.issuperset(map(type, record.values())):
        _check(record, "record")
    try:
        body = orjson.dumps(record, option=_OPTIONS)
    except TypeError as error:
        _check(record, "record")
        raise NotCanonical(f"record: {error}") from error
    if not body.isascii():
        _check(record, "record")
    return body


def parse(body: bytes) -> dict[str, Value]:
    """The record that canonical bytes stand for; raises NotCanonical where they are not the bytes of any record."""
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotCanonical(f"body: expected JSON, found {body[:40]!r}") from error
    if not isinstance(record, dict):
        raise NotCanonical(f"body: expected an object, found {type(record).__name__}")
    return record


def microseconds(at: float) -> int:
    """A time or a duration in seconds as whole microseconds, to the nearest."""
    return round(at * MICROSECONDS)


def mended(record: Record) -> dict[str, Value]:
    """The record with everything that has no canonical form written out as text, and ``"mended": true`` added.

    A hostile name (a lone surrogate that JSON lets through) must not keep a query out of the ledger.
    """
    return {_text(name): _mend(value) for name, value in record.items()} | {"mended": True}


def _mend(value: object) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if type(value) is int and abs(value) <= WHOLE_LIMIT:
        return value
    if isinstance(value, str):
        return _text(value, ascii_only=False)
    if isinstance(value, Mapping):
        return {_text(str(name)): _mend(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mend(inner) for inner in value]
    return _text(str(value))


def _text(value: str, *, ascii_only: bool = True) -> str:
    encoding = "ascii" if ascii_only else "utf-8"
    return str.encode(value, encoding, "backslashreplace").decode(encoding)


def _check(value: object, where: str) -> None:
    if value is None or type(value) is bool:
        return
    if type(value) is str:
        _check_text(value, where)
    elif type(value) is int:
        if abs(value) > WHOLE_LIMIT:
            raise NotCanonical(f"{where}: expected a whole number within 53 bits, found {value}")
    elif type(value) is dict:
        for name, inner in value.items():
            if type(name) is not str or not name.isascii():
                raise NotCanonical(f"{where}: expected names in ASCII, found {name!r}")
            _check(inner, f"{where}.{name}")
    elif type(value) is list or type(value) is tuple:
        for index, inner in enumerate(value):
            _check(inner, f"{where}[{index}]")
    else:
        expected = "a string, a whole number, a truth value, None, a list or a dict"
        raise NotCanonical(f"{where}: expected {expected}, found {type(value).__name__}")


def _check_text(value: str, where: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(f"{where}: expected text, found a lone surrogate at position {error.start}") from error
