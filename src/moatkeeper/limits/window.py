"""The strict sliding window: no stretch of time as long as the window ever holds more than the limit."""

from __future__ import annotations

from math import inf

from moatkeeper.limits.base import BucketState

SLOTS = 32
"""Parts of a window. Larger: less of the steady throughput is lost (1 part in SLOTS + 1), shorter waits, larger states.
A power of two, so that the width of a slot is exact in binary and no rounding moves a query into another slot."""

_EMPTY = (0,) * SLOTS


class Window:
    """Counts by slot of ``per_s / SLOTS`` seconds; a slot counts in full until its youngest instant has left the window.

    State: (newest slot, total, count in the newest slot, count in the one before, ...), at most SLOTS + 1 counts.
    A bucket's clock never runs backwards: what arrives with an earlier time is counted in the newest slot.
    """

    __slots__ = ("_width",)

    def __init__(self, per_s: float) -> None:
        self._width = per_s / SLOTS

    def fit(self, state: BucketState, amount: float, capacity: float, at: float) -> BucketState | None:
        """The state with ``amount`` more, or None where some window would then hold more than ``capacity``."""
        if not state:
            return (at // self._width, amount, amount) if amount <= capacity else None
        if at // self._width <= state[0]:  # nothing leaves and no slot begins: the common case, in one step
            total = state[1] + amount
            return (state[0], total, state[2] + amount, *state[3:]) if total <= capacity else None
        taken = self.take(state, amount, at)
        return taken if taken[1] <= capacity else None

    def take(self, state: BucketState, amount: float, at: float) -> BucketState:
        """The state with ``amount`` more; a negative one is given back where it was taken, as far as it still counts."""
        if amount <= 0:
            return self._give_back(state, -amount, at)
        slot = at // self._width
        if not state:
            return (slot, amount, amount)
        later = slot - state[0]
        if later <= 0:
            return (state[0], state[1] + amount, state[2] + amount, *state[3:])
        if later > SLOTS:
            return (slot, amount, amount)
        passed = int(later)
        kept = state[2 : SLOTS + 3 - passed]
        total = state[1] if len(kept) == len(state) - 2 else sum(kept)
        return (slot, total + amount, amount, *_EMPTY[: passed - 1], *kept)

    def used(self, state: BucketState, at: float) -> float:
        """What the window that ends at ``at`` may hold, and all that is later."""
        if not state:
            return 0
        counted = SLOTS + 1 - (at // self._width - state[0])
        if counted >= len(state) - 2:
            return state[1]
        return sum(state[2 : 2 + int(counted)]) if counted > 0 else 0

    def wait_s(self, state: BucketState, amount: float, capacity: float, at: float) -> float:
        """Seconds until ``amount`` fits, which is when a slot leaves the window; 0 if it fits now, ``inf`` if it never will."""
        if amount > capacity:
            return inf
        if not state:
            return 0.0
        counted = SLOTS + 1 - (at // self._width - state[0])
        newer = 0.0  # what the slots up to this age hold; the first that is too much has to leave
        for age, count in enumerate(state[2:]):
            if age >= counted:
                break
            newer += count
            if newer + amount > capacity:
                return (state[0] - age + SLOTS + 1) * self._width - at
        return 0.0

    def _give_back(self, state: BucketState, amount: float, at: float) -> BucketState:
        """Takes from the slot of ``at``, then from later ones, where a late arrival or an extension was counted."""
        if not state or amount == 0:
            return state
        age = state[0] - at // self._width
        if age < 0 or age > SLOTS:
            return state
        counts = list(state[2:])
        for index in range(min(int(age), len(counts) - 1), -1, -1):
            returned = min(amount, counts[index])
            counts[index] -= returned
            amount -= returned
            if amount <= 0:
                break
        while counts and counts[-1] <= 0:
            counts.pop()
        return (state[0], sum(counts), *counts) if counts else ()
