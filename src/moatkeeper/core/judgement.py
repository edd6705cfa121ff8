"""What is measured, what is concluded and what is done about it: readings, signals, standings, decisions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from moatkeeper.core.contract import Contract
from moatkeeper.core.quick import quick


class Standing(StrEnum):
    """How an account is treated, from trusted to ended. Callers are never told which applies, or why."""

    GOOD = "good"
    WATCHED = "watched"
    RESTRICTED = "restricted"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Reading:
    """A detector's own number in its own unit, and its reason in words; larger is stranger."""

    detector: str
    value: float
    reason: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A reading as a p-value against honest accounts at the same number of rows."""

    reading: Reading
    p_value: float


class Charge(NamedTuple):
    """One bucket that a query was charged to: its key in memory, the amount reserved, and when.

    ``limit`` names the limit, and ``weight`` is what one unit counted in its bucket, above 1 where the limit was tightened
    by raising the price. A named tuple, because a query makes one for every bucket that it touches.
    """

    bucket: str
    amount: float
    at: float
    limit: str = ""
    weight: float = 1.0


@quick
@dataclass(frozen=True, slots=True)
class Quota:
    """What a caller may be told of its own contract: the nominal limit, what is left of it, and when it is whole again.

    Always computed from the tier as sold, never from a tightened limit, so that it reveals no suspicion.
    """

    limit: float
    remaining: float
    per_s: float
    reset_s: float


@quick
@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one query.

    ``admitted`` is what is done, ``would_admit`` what enforcement would have done: they differ in shadow mode only.
    ``reason`` is a code for the ledger and the operator, never for the caller. ``charges`` is what was reserved, to be
    settled once the true cost is known.
    """

    admitted: bool
    would_admit: bool
    reason: str
    retry_after_s: float
    standing: Standing
    contract: Contract
    charges: tuple[Charge, ...] = ()
    quota: Quota | None = None
