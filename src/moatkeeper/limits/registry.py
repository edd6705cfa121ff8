"""Which arithmetic a limit has, and what its buckets are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from moatkeeper.errors import ConfigError
from moatkeeper.limits.base import Limit, Scope, Strategy, Unit
from moatkeeper.limits.concurrency import InFlight
from moatkeeper.limits.rate import Rate
from moatkeeper.limits.window import Window

STRATEGIES: Mapping[str, Callable[[Limit], Strategy]] = MappingProxyType(
    {
        "window": lambda limit: Window(limit.per_s),
        "rate": lambda limit: Rate(limit.amount, limit.per_s),
        "in-flight": lambda limit: InFlight(),
    }
)
"""Every arithmetic there is, by name."""

_BURST = "-burst"


class Bucket(NamedTuple):
    """A bucket's key, taken apart. ``limit`` is the limit's name, the same for all owners."""

    scope: Scope
    owner: str
    unit: Unit
    per_s: float
    limit: str


def strategy_of(limit: Limit) -> Strategy:
    """The arithmetic of a limit."""
    return STRATEGIES[_kind(limit)](limit)


def limit_name(limit: Limit) -> str:
    """What identifies a limit, such as ``account:rows:3600``.

    The amount is not part of it, so that a changed amount keeps the history. A limit with a burst has another state than
    one without, and therefore another name.
    """
    return f"{limit.scope.value}:{_measure(limit)}"


def bucket_ends(limit: Limit) -> tuple[str, str]:
    """What stands before and after the owner in the keys of a limit's buckets."""
    return f"{limit.scope.value}:", f":{_measure(limit)}"


def parse_bucket(key: str) -> Bucket:
    """A bucket's key, taken apart; the owner may contain colons. ``ValueError`` where it is no such key."""
    head, unit, per_s = key.rsplit(":", 2)
    scope, separator, owner = head.partition(":")
    if not separator:
        raise ValueError(f"{key!r} is not the key of a bucket: expected scope:owner:unit:seconds")
    return _bucket(scope, unit, per_s)._replace(owner=owner)


@lru_cache(maxsize=256)
def _bucket(scope: str, unit: str, per_s: str) -> Bucket:
    return Bucket(Scope(scope), "", Unit(unit.removesuffix(_BURST)), float(per_s), f"{scope}:{unit}:{per_s}")


def strategy_of_bucket(key: str) -> Strategy:
    """The arithmetic that reads a bucket's states; for ``used`` only, as keys do not hold the amount of a limit."""
    return _reader(*key.rsplit(":", 2)[1:])


@lru_cache(maxsize=256)
def _reader(unit: str, per_s: str) -> Strategy:
    burst = 1.0 if unit.endswith(_BURST) else None
    return strategy_of(Limit(Scope.ALL, Unit(unit.removesuffix(_BURST)), amount=1.0, per_s=float(per_s) or 1.0, burst=burst))


def _kind(limit: Limit) -> str:
    if limit.unit is Unit.CONCURRENT:
        return "in-flight"
    return "window" if limit.burst is None else "rate"


def _measure(limit: Limit) -> str:
    if limit.unit is Unit.CONCURRENT:
        return f"{limit.unit.value}:0"
    seconds = int(limit.per_s) if limit.per_s == int(limit.per_s) else limit.per_s
    return f"{limit.unit.value}{'' if limit.burst is None else _BURST}:{seconds}"


def check_limit(limit: Limit) -> None:
    """Raises ConfigError where a limit's numbers make no sense."""
    found = f"the limit {limit.scope.value}/{limit.unit.value} has"
    if not 0 <= limit.amount < float("inf"):
        raise ConfigError(f"{found} amount {limit.amount}, expected a number from 0 up")
    if limit.unit is Unit.CONCURRENT:
        return
    if not 0 < limit.per_s < float("inf"):
        raise ConfigError(f"{found} per_s {limit.per_s}, expected seconds above 0")
    if limit.burst is not None and not (0 < limit.burst < float("inf") and limit.amount > 0):
        raise ConfigError(
            f"{found} burst {limit.burst} at amount {limit.amount}, expected both above 0",
            hint="Leave burst out for a strict window.",
        )
