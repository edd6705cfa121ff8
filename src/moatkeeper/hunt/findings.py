"""What a hunt found: by model the rings, then the accounts, then what could not be looked at and what the rest is worth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.rings_report import Sign


class Basis(StrEnum):
    """What the accounts of a log were compared with."""

    FILE = "calibration file"  # honest accounts that somebody vouched for
    CROSS_FIT = "the log itself"  # one half of the accounts with the other
    RANKS = "ranks only"  # too few accounts for anything but an order
    NOTHING = "nothing"  # not looked at


@dataclass(frozen=True, slots=True)
class Member:
    """An account of a ring, and why it is counted to it."""

    account: str
    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring in one stretch of time (UTC seconds), its signs strongest first.

    ``named`` accounts are under the promise on honest accounts, ``likely`` ones are not.
    """

    since: float
    until: float
    signs: tuple[Sign, ...]
    named: tuple[Member, ...]
    likely: tuple[Member, ...]

    @property
    def strength(self) -> float:
        """That of the strongest sign, in multiples of what is allowed; 0 where accounts are named without any sign."""
        return max((strength(sign) for sign in self.signs), default=0.0)

    @property
    def share(self) -> float:
        """Of the accounts of its windows, that the ring has at least; NaN where that cannot be said."""
        return max((sign.share for sign in self.signs if isfinite(sign.share)), default=float("nan"))


def strength(sign: Sign) -> float:
    """A sign in multiples of what is allowed."""
    return sign.z / sign.cut if sign.cut > 0 else 0.0


@dataclass(frozen=True, slots=True)
class ModelFindings:
    """One model. ``named`` accounts reached the evidence of the stated rate; ``ranked`` are the next strangest."""

    model: str
    rows: int
    accounts: int
    looked_at: int  # accounts with enough rows to be compared
    basis: Basis
    rings: tuple[Ring, ...]
    named: tuple[Finding, ...]
    ranked: tuple[Finding, ...]
    notes: tuple[str, ...]  # what the findings are worth, and what could not be looked at

    @property
    def found(self) -> bool:
        """Whether there is anything to act upon."""
        return bool(self.rings or self.named)


@dataclass(frozen=True, slots=True)
class HuntFindings:
    """The whole hunt. ``alpha`` is the chance that an honest account is named, at most."""

    sources: tuple[str, ...]
    forms: tuple[str, ...]
    exchanges: int
    rows: int
    alpha: float
    models: tuple[ModelFindings, ...]
    notes: tuple[str, ...]  # what was said about reading the logs
    took_s: float

    @property
    def found(self) -> bool:
        """Whether there is anything to act upon."""
        return any(model.found for model in self.models)
