"""Requests in flight: a count that rises when one is admitted and falls when it is settled."""

from __future__ import annotations

from math import inf

from moatkeeper.limits.base import BucketState

RETRY_S = 1.0
"""Nobody knows when a running request ends; a second is long for a model and short for a person."""


class InFlight:
    """A count of running requests; time plays no part. State: (count,), which no other strategy has."""

    __slots__ = ()

    def fit(self, state: BucketState, amount: float, capacity: float, at: float) -> BucketState | None:
        """The state with ``amount`` more in flight, or None where that is more than ``capacity``."""
        count = state[0] + amount if state else amount
        return (count,) if count <= capacity else None

    def take(self, state: BucketState, amount: float, at: float) -> BucketState:
        """The state with ``amount`` more or fewer in flight, never fewer than none."""
        count = state[0] + amount if state else amount
        return (count,) if count > 0 else ()

    def used(self, state: BucketState, at: float) -> float:
        """How many are in flight."""
        return state[0] if state else 0

    def wait_s(self, state: BucketState, amount: float, capacity: float, at: float) -> float:
        """0 if ``amount`` fits, ``inf`` if it never will, else RETRY_S: a suggestion, since only a settlement frees a place."""
        if amount > capacity:
            return inf
        return 0.0 if not state or state[0] + amount <= capacity else RETRY_S


def counts_in_flight(state: BucketState) -> bool:
    """Whether a bucket's state is a count of running requests, which a restarted process does not have."""
    return len(state) == 1
