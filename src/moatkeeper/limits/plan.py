"""Which buckets one query touches, worked out once for a tier, and the reservation of all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import NamedTuple

from moatkeeper.core.judgement import Charge, Quota
from moatkeeper.errors import ConfigError
from moatkeeper.limits.base import BucketState, Limit, Scope, Strategy, Unit
from moatkeeper.limits.registry import bucket_ends, check_limit, limit_name, strategy_of

TIER_SCOPES = frozenset({Scope.KEY, Scope.ACCOUNT, Scope.ORGANISATION})
SHARED_SCOPES = frozenset({Scope.ADDRESS, Scope.MODEL, Scope.ALL, Scope.ORGANISATION})

Read = Callable[[str], BucketState]
"""Gives the state of a bucket by its key."""


Fit = Callable[[BucketState, float, float, float], BucketState | None]
"""The bound ``fit`` of a strategy."""


class Owners(NamedTuple):
    """Whose buckets a query touches, in the order of Scope; an empty name has no bucket."""

    key: str
    account: str
    organisation: str
    address: str
    model: str
    everybody: str = "*"


class Amounts(NamedTuple):
    """What a query is charged, in the order of Unit."""

    requests: float = 0
    rows: float = 0
    tokens: float = 0
    money: float = 0
    concurrent: float = 0


class Part(NamedTuple):
    """One limit of a plan, ready for the request path."""

    name: str
    prefix: str
    suffix: str
    owner: int  # index into Owners
    unit: int  # index into Amounts
    capacity: float  # nominal: the amount, or the burst where there is one
    fit: Fit
    tightens: bool  # whether a standing's factor applies
    unverified_only: bool  # whether it refuses only callers that nobody vouched for
    limit: Limit
    strategy: Strategy


class Ready(NamedTuple):
    """A part as it stands for callers that somebody vouches for, or for those that nobody does."""

    name: str
    prefix: str
    suffix: str
    owner: int
    unit: int
    room: float
    fit: Fit
    part: Part


class Reservation(NamedTuple):
    """What a query would take: new states by bucket and the charges to settle, or why and how long it must wait."""

    changes: dict[str, BucketState]
    charges: tuple[Charge, ...]
    wait_s: float  # the longest wait of any bucket that refuses
    refused_by: str  # the name of the limit with that wait; empty where everything fits


_new = tuple.__new__
"""Skips the Python-level constructor of a named tuple, which costs as much again; ten times a query."""

_OWNER = {scope: index for index, scope in enumerate(Scope)}
_UNIT = {unit: index for index, unit in enumerate(Unit)}


class Plan:
    """The limits of one tier together with those that everybody shares."""

    def __init__(self, own: Iterable[Limit], shared: Iterable[Limit]) -> None:
        parts: dict[str, Part] = {}
        for limit in own:
            _add(parts, limit, TIER_SCOPES, tightens=True)
        for limit in shared:
            _add(parts, limit, SHARED_SCOPES, tightens=False)
        self.parts = tuple(parts.values())
        self.charges_money = any(part.limit.unit is Unit.MONEY for part in self.parts)
        self._by_name = parts
        self._units = {name: part.unit for name, part in parts.items()}
        self._ready = (_ready(self.parts, verified=False), _ready(self.parts, verified=True))
        self._sold = _sold(self.parts)

    def reserve(
        self, owners: Owners, amounts: Amounts, at: float, read: Read, *, factor: float = 1.0, verified: bool = False
    ) -> Reservation:
        """All buckets of a query at once. ``factor`` above 0 multiplies the limits of the tier, never the shared ones.

        An amount of 0 touches no bucket. Where any bucket refuses, nothing is to be changed.
        """
        changes: dict[str, BucketState] = {}
        charges: list[Charge] = []
        longest_s, refused_by = 0.0, ""
        for name, prefix, suffix, owner, unit, room, fit, part in self._ready[verified]:
            amount = amounts[unit]
            who = owners[owner]
            if amount <= 0 or not who:
                continue
            weight = 1.0
            if factor != 1.0 and part.tightens:
                room, weight = _tightened(part.limit, factor)
            key = prefix + who + suffix
            state = read(key)
            taken = fit(state, amount * weight, room, at)
            if taken is not None:
                changes[key] = taken
                charges.append(_new(Charge, (key, amount, at, name, weight)))
                continue
            wait_s = _wait_s(part, state, amount, room, weight, at)
            if wait_s > longest_s or not refused_by:  # a wait of 0 is a refusal too: sums of money may round either way
                longest_s, refused_by = wait_s, name
        if refused_by:
            return Reservation({}, (), longest_s, refused_by)
        return _new(Reservation, (changes, tuple(charges), 0.0, ""))

    def settle(self, charges: Iterable[Charge], true: Amounts, read: Read, *, at_most_reserved: bool) -> dict[str, BucketState]:
        """The states of the buckets in which the true cost differs from what was reserved.

        Charges of limits that this plan does not know (the configuration changed meanwhile) are left as they are.
        """
        changes: dict[str, BucketState] = {}
        units = self._units
        for charge in charges:
            name = charge[3]
            if name not in units:
                continue
            more = true[units[name]] - charge[1]
            if more == 0 or (more > 0 and at_most_reserved):
                continue
            key, _, at, _, weight = charge
            changes[key] = self._by_name[name].strategy.take(read(key), more * weight, at)
        return changes

    def quota(self, owners: Owners, at: float, changes: Mapping[str, BucketState], read: Read) -> Quota | None:
        """The limit that the caller may be told of, as sold, after ``changes``; None where the tier sells none."""
        part = self._sold
        if part is None:
            return None
        key = part.prefix + owners[part.owner] + part.suffix
        state = changes[key] if key in changes else read(key)
        capacity = part.capacity
        remaining = capacity - part.strategy.used(state, at)
        whole = part.strategy.wait_s(state, capacity, capacity, at)
        return Quota(capacity, remaining if remaining > 0 else 0.0, part.limit.per_s, whole)


def _ready(parts: Iterable[Part], *, verified: bool) -> tuple[Ready, ...]:
    return tuple(
        Ready(
            part.name,
            part.prefix,
            part.suffix,
            part.owner,
            part.unit,
            inf if part.unverified_only and verified else part.capacity,
            part.fit,
            part,
        )
        for part in parts
    )


def _add(parts: dict[str, Part], limit: Limit, allowed: frozenset[Scope], *, tightens: bool) -> None:
    check_limit(limit)
    if limit.scope not in allowed:
        expected = ", ".join(sorted(scope.value for scope in allowed))
        raise ConfigError(f"found a limit by {limit.scope.value} where only limits by {expected} may stand")
    name = limit_name(limit)
    capacity = limit.amount if limit.burst is None or limit.unit is Unit.CONCURRENT else limit.burst
    known = parts.get(name)
    if known is not None:  # two limits on one bucket: the stricter one holds
        if known.capacity <= capacity:
            return
        tightens = tightens or known.tightens
    prefix, suffix = bucket_ends(limit)
    strategy = strategy_of(limit)
    parts[name] = Part(
        name=name,
        prefix=prefix,
        suffix=suffix,
        owner=_OWNER[limit.scope],
        unit=_UNIT[limit.unit],
        capacity=capacity,
        fit=strategy.fit,
        tightens=tightens,
        unverified_only=limit.scope is Scope.ADDRESS,
        limit=limit,
        strategy=strategy,
    )


def _tightened(limit: Limit, factor: float) -> tuple[float, float]:
    """The room in a bucket under a factor, and what one unit weighs in it.

    A burst drains at a fixed pace, so there every unit weighs more, which shrinks pace and burst alike. One request in
    flight always fits, or tightening would be suspension.
    """
    if limit.unit is Unit.CONCURRENT:
        return max(min(1.0, limit.amount), limit.amount * factor), 1.0
    if limit.burst is not None:
        return limit.burst, 1.0 / factor
    return limit.amount * factor, 1.0


def _wait_s(part: Part, state: BucketState, amount: float, room: float, weight: float, at: float) -> float:
    """How long a refused query must wait. A refusal that only a tightened limit gives must look like any other."""
    wait_s = part.strategy.wait_s(state, amount * weight, room, at)
    return part.limit.per_s if wait_s == inf and amount <= part.capacity else wait_s


def _sold(parts: tuple[Part, ...]) -> Part | None:
    """The first limit by account, else by key, that a customer can plan with."""
    for scope in (Scope.ACCOUNT, Scope.KEY):
        for part in parts:
            if part.limit.scope is scope and part.limit.unit not in (Unit.CONCURRENT, Unit.MONEY):
                return part
    return None
