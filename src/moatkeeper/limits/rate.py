"""The rate with a burst (GCRA): a level that drains steadily, and may rise no higher than the burst."""

from __future__ import annotations

from math import inf

from moatkeeper.limits.base import BucketState

_ROUNDING = 1 + 1e-9
"""A level is a sum of many small drains; this much above the burst is rounding, not a query."""


class Rate:
    """The generic cell rate algorithm in its leaky-bucket form; ``capacity`` is the burst.

    State: (level, when it was that, units drained a second). The drain travels with the state, so that a level taken
    under an earlier configuration drains as it was sold. The level, not an arrival time, is kept: a float holds small
    amounts exactly, while seconds since 1970 leave only a quarter of a microsecond.
    """

    __slots__ = ("_per_second",)

    def __init__(self, amount: float, per_s: float) -> None:
        self._per_second = amount / per_s

    def fit(self, state: BucketState, amount: float, capacity: float, at: float) -> BucketState | None:
        """The state with the level raised, or None where it would stand above ``capacity``."""
        if not state:
            return (amount, at, self._per_second) if amount <= capacity * _ROUNDING else None
        then = state[1]
        level = _level(state, at) + amount
        if level > capacity * _ROUNDING:
            return None
        return (level, at if at > then else then, self._per_second)

    def take(self, state: BucketState, amount: float, at: float) -> BucketState:
        """The state with the level raised; a negative amount lowers it, less what has drained since it was taken."""
        if amount <= 0:
            return self._give_back(state, -amount, at)
        if not state:
            return (amount, at, self._per_second)
        return (_level(state, at) + amount, max(at, state[1]), self._per_second)

    def used(self, state: BucketState, at: float) -> float:
        """The level at ``at``."""
        return _level(state, at)

    def wait_s(self, state: BucketState, amount: float, capacity: float, at: float) -> float:
        """Seconds until the level has drained far enough; 0 if ``amount`` fits now, ``inf`` if it never will."""
        if amount > capacity:
            return inf
        excess = _level(state, at) + amount - capacity
        if excess <= capacity * (_ROUNDING - 1):
            return 0.0
        return excess / state[2] + max(0.0, state[1] - at)

    def _give_back(self, state: BucketState, amount: float, at: float) -> BucketState:
        """Lowers the level by what of ``amount`` has surely not drained yet, so that nothing is returned twice."""
        if not state:
            return state
        level, then, per_second = state
        left = level - max(0.0, amount - max(0.0, then - at) * per_second)
        return (left, then, per_second) if left > 0 else ()


def _level(state: BucketState, at: float) -> float:
    if not state:
        return 0
    level, then, per_second = state
    if at <= then:
        return level
    left = level - (at - then) * per_second
    return left if left > 0.0 else 0.0
