"""What a limit is: whose consumption is counted, in which unit, how much of it, in which time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

BucketState = tuple[float, ...]
"""The whole state of one bucket: plain numbers, so that it can be snapshotted, compared and sent to another gateway.
The empty tuple is a bucket that nothing was taken from."""


class Scope(StrEnum):
    """Whose consumption one bucket counts together."""

    KEY = "key"
    ACCOUNT = "account"
    ORGANISATION = "organisation"
    ADDRESS = "address"  # refuses unverified callers only, so that nobody is locked out by a neighbour
    MODEL = "model"
    ALL = "all"


class Unit(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    ROWS = "rows"  # what the article calls queries
    TOKENS = "tokens"
    MONEY = "money"
    CONCURRENT = "concurrent"  # requests in flight


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``amount`` of ``unit`` by one ``scope`` in any ``per_s`` seconds.

    Without ``burst`` the promise is strict: no window of ``per_s`` seconds, wherever it begins, holds more than
    ``amount``. With ``burst`` the limit is a token bucket (GCRA) instead: a sustained ``amount / per_s``, at most ``burst``
    at once. ``per_s`` is ignored for CONCURRENT.
    """

    scope: Scope
    unit: Unit
    amount: float  # larger: more can be taken, and a copy is cheaper
    per_s: float = 3600.0  # larger: the same amount lasts longer, and a slow thief gains less by waiting
    burst: float | None = None  # larger: more at once


class Strategy(Protocol):
    """The arithmetic of one kind of bucket, pure: state in, state out.

    ``at`` may run backwards (a corrected clock, a late arrival): that never frees what was taken. A bucket is idle, and may
    be forgotten, where ``used`` is 0.
    """

    def fit(self, state: BucketState, amount: float, capacity: float, at: float) -> BucketState | None:
        """The state after taking ``amount``, above 0, or None where it does not fit under ``capacity`` now."""
        ...

    def take(self, state: BucketState, amount: float, at: float) -> BucketState:
        """The state after taking ``amount``, fitting or not. A negative amount gives back what was taken at ``at``."""
        ...

    def used(self, state: BucketState, at: float) -> float:
        """What is counted as consumed at ``at``, in the limit's unit, from 0 up."""
        ...

    def wait_s(self, state: BucketState, amount: float, capacity: float, at: float) -> float:
        """Seconds until ``amount`` fits under ``capacity``; 0 if it fits now; ``inf`` if it never will."""
        ...
