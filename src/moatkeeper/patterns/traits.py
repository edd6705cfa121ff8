"""Traits of an account: what ties it to others without looking at what it asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from moatkeeper.patterns.packing import packable

MOST = 8
"""Networks, agents and the like that are kept of one account; whoever uses more is not tied to others by them."""


@packable
@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of one account; an empty text or tuple, or None, is unknown. Lists are sorted, without repetition.

    Values may be digests of the real ones: they are only compared. ``networks`` are networks in text form (an IPv6 address by
    its /64), ``agents`` the client software as it names itself, ``issuers`` who issued the keys, ``templates`` the fixed parts
    of texts or the column order of tables. Times are UTC seconds.
    """

    networks: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    payments: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    organisation: str = ""
    signed_up_at: float | None = None
    first_at: float | None = None  # the first exchange; stands in for the sign-up where a log does not have it
    templates: tuple[str, ...] = ()

    def merge(self, other: Self) -> Self:
        """What both sources know of the same account, in either order: lists united (the first MOST kept), the earlier time,
        and of two organisations the one that comes first in the alphabet."""
        return type(self)(
            _united(self.networks, other.networks),
            _united(self.agents, other.agents),
            _united(self.payments, other.payments),
            _united(self.issuers, other.issuers),
            min(filter(None, (self.organisation, other.organisation)), default=""),
            _earlier(self.signed_up_at, other.signed_up_at),
            _earlier(self.first_at, other.first_at),
            _united(self.templates, other.templates),
        )

    @property
    def began_at(self) -> float | None:
        """The sign-up, or else the first exchange."""
        return self.first_at if self.signed_up_at is None else self.signed_up_at


NOTHING_KNOWN = Traits()


def _united(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*first, *second} - {""}))[:MOST]


def _earlier(first: float | None, second: float | None) -> float | None:
    return min((time for time in (first, second) if time is not None), default=None)
