"""Moments as logs write them, in UTC seconds."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache

from moatkeeper.store.logs.base import Unreadable

_MILLISECONDS_FROM = 1e11  # as seconds, the year 5138: larger numbers are of a finer unit
_MICROSECONDS_FROM = 1e14
_NANOSECONDS_FROM = 1e17
_NGINX = "%d/%b/%Y:%H:%M:%S %z"
_LENGTH_TO_SECOND = 19  # of 2026-01-31T12:00:00
_REMEMBERED = 4_096


def moment(value: object, what: str = "time") -> float:
    """UTC seconds of a number (seconds to nanoseconds since 1970, by its size) or a text; raises Unreadable.

    A text is ISO 8601, nginx's local time with its zone, or a number. Without a zone it counts as UTC, as databases export it.
    """
    if type(value) is float or type(value) is int:
        return _of_number(float(value), what)
    if type(value) is not str:
        raise Unreadable(f"found no {what}, expected seconds since 1970 or a time such as 2026-01-31T12:00:00Z")
    if value[4:5] == "-" and value[13:14] == ":":
        whole, rest = value[:_LENGTH_TO_SECOND], value[_LENGTH_TO_SECOND:]
        try:
            if rest[:1] == "." and rest[-1:] == "Z" and rest[1:-1].isdecimal():
                return _second(whole) + float(rest[:-1])
            return _second(whole) if rest in ("Z", "") else _of_text(value)
        except ValueError:
            pass
    else:
        try:
            return _of_number(float(value), what)
        except ValueError:
            pass
        try:
            return datetime.strptime(value, _NGINX).timestamp()  # noqa: DTZ007  (the pattern ends in the zone)
        except ValueError:
            pass
        try:
            return _of_text(value)
        except ValueError:
            pass
    raise Unreadable(f"found the {what} {value[:40]!r}, expected seconds since 1970 or a time such as 2026-01-31T12:00:00Z")


def _of_number(value: float, what: str) -> float:
    if not math.isfinite(value) or value < 0:
        raise Unreadable(f"found the {what} {value}, expected seconds since 1970")
    if value < _MILLISECONDS_FROM:
        return value
    return value / 1e3 if value < _MICROSECONDS_FROM else value / 1e6 if value < _NANOSECONDS_FROM else value / 1e9


@lru_cache(_REMEMBERED)
def _second(text: str) -> float:
    """A whole second in UTC; many lines of a log share one."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _of_text(text: str) -> float:
    found = datetime.fromisoformat(text)
    return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).timestamp()
