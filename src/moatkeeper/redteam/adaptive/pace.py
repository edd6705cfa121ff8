"""How fast a crew asks: as fast as it is allowed, under limits that it knows, or at the times of people at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, inf
from typing import Protocol

import numpy as np

from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.limits.window import SLOTS
from moatkeeper.redteam.expenses import DAY_S

HOUR_S = 3600.0
_OF_AN_ACCOUNT = frozenset({Scope.KEY, Scope.ACCOUNT})


class Pace(Protocol):
    """When an account asks. It is told every request in order, refused ones too, and may keep count."""

    @property
    def rows_per_request(self) -> int:
        """How many rows it puts into one request at most."""
        ...

    def begin(self, account: int, now: float) -> float:
        """When an account of a crew that begins now asks for the first time."""
        ...

    def next_at(self, account: int, now: float) -> float:
        """When an account that asks now may ask again."""
        ...

    def crew_free_at(self) -> float:
        """Before when no account at all may ask."""
        ...


class Fast:
    """Each account asks again as soon as its request, which takes ``request_s``, is answered."""

    def __init__(self, rows_per_request: int, request_s: float) -> None:
        self.rows_per_request = rows_per_request
        self._request_s = request_s

    def begin(self, account: int, now: float) -> float:
        """At once."""
        return now

    def next_at(self, account: int, now: float) -> float:
        """After one request's time."""
        return now + self._request_s

    def crew_free_at(self) -> float:
        """Never held back."""
        return -inf


@dataclass(frozen=True, slots=True)
class _Allowance:
    """What one limit leaves a crew that stays at a fraction of it: rows a request, and seconds between two."""

    rows: int
    every_s: float

    @classmethod
    def of(cls, limit: Limit, fraction: float, rows: int) -> _Allowance:
        amount = fraction * limit.amount
        if limit.unit is Unit.ROWS:
            most = amount if limit.burst is None else min(amount, fraction * limit.burst)
            rows = max(1, min(rows, floor(most)))
            requests = amount / rows
        else:
            requests = amount
        # A strict window counts in slots, so that a request weighs on it for up to one slot longer than its length.
        whole_window_s = limit.per_s * (1 + 1 / SLOTS) if limit.burst is None else limit.per_s
        return cls(rows, whole_window_s / (floor(requests) if requests >= 1 else requests))


class UnderLimits:
    """Evenly spaced requests that use at most ``fraction`` of every known limit in rows or requests.

    Limits of an account or key hold for each account, all others for the crew as a whole. Limits of an address refuse nobody
    who is vouched for, and are left out, as are those in tokens, money and requests in flight.
    """

    def __init__(self, limits: Sequence[Limit], fraction: float, rows_per_request: int, request_s: float) -> None:
        counted = [limit for limit in limits if limit.unit in (Unit.ROWS, Unit.REQUESTS) and limit.scope is not Scope.ADDRESS]
        self.rows_per_request = rows_per_request
        for limit in counted:
            self.rows_per_request = min(self.rows_per_request, _Allowance.of(limit, fraction, rows_per_request).rows)
        each = [limit for limit in counted if limit.scope in _OF_AN_ACCOUNT]
        together = [limit for limit in counted if limit.scope not in _OF_AN_ACCOUNT]
        self._every_s = max([request_s, *(_Allowance.of(one, fraction, self.rows_per_request).every_s for one in each)])
        self._crew_every_s = max([0.0, *(_Allowance.of(one, fraction, self.rows_per_request).every_s for one in together)])
        self._crew_free_at = -inf

    def begin(self, account: int, now: float) -> float:
        """At once."""
        return now

    def next_at(self, account: int, now: float) -> float:
        """After the account's share of the tightest limit."""
        self._crew_free_at = now + self._crew_every_s
        return now + self._every_s

    def crew_free_at(self) -> float:
        """After the crew's share of what all of it shares."""
        return self._crew_free_at


MEDIAN_GAP_S = 73.0
"""Between two requests of one user: the median of Alibaba's GenTD26 trace (its tenth is 27 s, its nine tenths 704 s)."""
GAP_SIGMA = 1.3  # of the gap's logarithm: between what GenTD26's lower tenth (0.8) and upper tenth (1.8) say
SESSION_REQUESTS = 8.0  # mean of a geometric law; larger: longer sessions
BREAK_S = 2 * HOUR_S  # median between two sessions of one day
FIRST_HOUR, LAST_HOUR = 8.0, 19.0  # of an account's own working day
WORKING_DAYS = 5
ZONES = (-8, -5, 0, 1, 5.5, 8)  # hours from UTC in which an account may live
_WEEK_DAYS = 7
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday


class Human:
    """Each account keeps working hours in a time zone of its own: sessions of a few requests, with uneven gaps between them."""

    def __init__(self, rng: np.random.Generator, accounts: int, rows_per_request: int, start_days: float) -> None:
        self.rows_per_request = rows_per_request
        self._rng = rng
        self._zones = rng.choice(ZONES, accounts) * HOUR_S
        self._starts = rng.uniform(0.0, start_days * DAY_S, accounts)

    def begin(self, account: int, now: float) -> float:
        """Within the first ``start_days``, at a time of work."""
        return self._at_work(account, now + float(self._starts[account]))

    def next_at(self, account: int, now: float) -> float:
        """Soon in the same session, or later in another."""
        session_ends = self._rng.random() < 1 / SESSION_REQUESTS
        median = BREAK_S if session_ends else MEDIAN_GAP_S
        return self._at_work(account, now + median * float(np.exp(GAP_SIGMA * self._rng.standard_normal())))

    def crew_free_at(self) -> float:
        """Never held back: people know nothing of each other."""
        return -inf

    def _at_work(self, account: int, at: float) -> float:
        """``at``, or where it is no working time, within the first hour of the next working day."""
        local = at + float(self._zones[account])
        day, hour = local // DAY_S, local % DAY_S / HOUR_S
        if FIRST_HOUR <= hour < LAST_HOUR and _is_working_day(day):
            return at
        if hour >= FIRST_HOUR:
            day += 1
        while not _is_working_day(day):
            day += 1
        morning = day * DAY_S + (FIRST_HOUR + float(self._rng.random())) * HOUR_S
        return morning - float(self._zones[account])


def _is_working_day(day: float) -> bool:
    return (day + _EPOCH_WEEKDAY) % _WEEK_DAYS < WORKING_DAYS
