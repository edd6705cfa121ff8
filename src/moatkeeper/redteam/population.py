"""Honest customers of many kinds: who they are, what part of the input space is theirs, and every request that they will make.

When they call comes from real traces (traffic.py); what they ask comes from real rows. The join of both is ours, and so are the
kinds' shares, rates and sizes: assumptions, each a number that the owner may replace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.query import FloatArray
from moatkeeper.redteam import arrivals
from moatkeeper.redteam.expenses import DAY_S
from moatkeeper.redteam.traffic import HOUR_S, Traffic, load

GENERALISTS = 0.2
"""Share of customers who ask of the whole input space, whatever their kind; near it were 23 % of GenTD26's users."""
MOST_DEVIATIONS = 2.2
"""Of the logarithm of a customer's activity: where the busiest hundredth of ServeGen's clients begins, above the median."""
MONITOR_ROWS = 1  # a monitor repeats one question
EVEN_DAYS = np.ones(7)  # ServeGen's two weeks do not tell weekdays apart


class Law(StrEnum):
    """How a kind of customer calls."""

    VISITS = "visits"  # a person: visits of several requests
    STREAM = "stream"  # a program: calls all day, in swings and bursts
    JOB = "job"  # a program that runs once a day, by night or by day
    TRIAL = "trial"  # a person who tries the API and leaves
    PROBE = "probe"  # a monitor that repeats one question


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of customer.

    ``share`` is relative to the other kinds'. ``requests_per_day`` is the mean over the kind's customers, who differ by orders
    of magnitude; TRIAL takes its number from the trace instead. ``rows_per_request`` 0 takes the trace's. ``breadth`` is the
    part of the input space that is a customer's own: the rows nearest to one of them. ``growth`` multiplies the rate from the
    first day to the last.
    """

    name: str
    law: Law
    share: float
    requests_per_day: float
    rows_per_request: int = 0
    breadth: float = 0.1  # smaller: more specialised
    growth: float = 1.0
    hours: tuple[float, float] = (0.0, 24.0)  # between which a JOB begins


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("specialised", Law.VISITS, 0.30, 6.0, breadth=0.05),
        Kind("bursty", Law.STREAM, 0.20, 24.0, rows_per_request=1),
        Kind("batch", Law.JOB, 0.08, 10.0, rows_per_request=50, hours=(8.0, 18.0)),
        Kind("nightly", Law.JOB, 0.07, 20.0, rows_per_request=50, breadth=0.3, hours=(0.0, 5.0)),
        Kind("growing", Law.STREAM, 0.05, 24.0, rows_per_request=2, growth=10.0),
        Kind("trial", Law.TRIAL, 0.25, 0.0, breadth=0.2),
        Kind("probe", Law.PROBE, 0.05, 48.0, rows_per_request=1),
    )
}


@dataclass(frozen=True, slots=True)
class Market:
    """Who buys what: whoever sends more than ``large_from`` rows a day on average buys ``large``, all others ``small``."""

    small: str = "free"
    large: str = "enterprise"
    large_from: float = 100.0


@dataclass(frozen=True, slots=True)
class Customer:
    """One honest account, and which of the stage's rows are its own."""

    kind: str
    caller: Caller
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Population:
    """All honest requests of a campaign in the order of their time.

    Request i comes at ``times[i]`` (UTC seconds) from ``customers[who[i]]`` and asks ``count[i]`` rows of the stage, whose
    indexes are ``rows[first[i] : first[i] + count[i]]``.
    """

    customers: tuple[Customer, ...]
    times: FloatArray
    who: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]


def populate(
    kinds: Sequence[Kind], customers: int, rows: FloatArray, days: float, start: float, seed: int, market: Market | None = None
) -> Population:
    """``customers`` honest accounts over ``days`` from UTC second ``start`` on, who ask rows (m, d); equal for equal seeds."""
    market = market if market is not None else Market()
    traffic = load()
    scale = np.where(rows.std(axis=0) > 0, rows.std(axis=0), 1.0)
    space = (rows - rows.mean(axis=0)) / scale
    people: list[Customer] = []
    parts: list[_Part] = []
    for number, (kind, size) in enumerate(zip(kinds, _sizes(kinds, customers), strict=True)):
        rng = np.random.default_rng((seed, number))
        for activity in _activity(kind, size, traffic, rng):
            own = _own_rows(kind, space, rng)
            part = _requests(kind, activity, own, days, start, traffic, rng)
            tier = market.large if part.rows.size / days > market.large_from else market.small
            people.append(Customer(kind.name, _caller(kind.name, len(people), tier), own))
            parts.append(part)
    return _merged(tuple(people), parts, start)


@dataclass(frozen=True, slots=True)
class _Part:
    """The requests of one customer: seconds since the start, rows of each, and their indexes one after the other."""

    times: FloatArray
    count: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]


def _sizes(kinds: Sequence[Kind], customers: int) -> list[int]:
    """How many of each kind, by largest remainders, so that they are ``customers`` together."""
    if not kinds:
        return []
    shares = np.asarray([kind.share for kind in kinds])
    exact = customers * shares / shares.sum()
    sizes = np.floor(exact).astype(int)
    for index in np.argsort(sizes - exact, kind="stable")[: customers - int(sizes.sum())]:
        sizes[index] += 1
    return [int(size) for size in sizes]


def _activity(kind: Kind, size: int, traffic: Traffic, rng: np.random.Generator) -> FloatArray:
    """Each customer's requests a day, shape (size,): the kind's mean, spread as far as the trace's customers are."""
    spread = traffic.streams.rate_log_sd if kind.law is Law.STREAM else traffic.sessions.activity_log_sd
    if kind.law in (Law.PROBE, Law.TRIAL) or size == 0:
        return np.full(size, kind.requests_per_day)
    factors = np.exp(spread * np.clip(rng.normal(size=size), -MOST_DEVIATIONS, MOST_DEVIATIONS))
    activity: FloatArray = kind.requests_per_day * factors / factors.mean()
    return activity


def _own_rows(kind: Kind, space: FloatArray, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    centre = int(rng.integers(len(space)))
    if kind.law is Law.PROBE:
        return np.asarray([centre], dtype=np.int64)
    if rng.random() < GENERALISTS:
        return np.arange(len(space), dtype=np.int64)
    near = max(1, round(kind.breadth * len(space)))
    return np.argsort(((space - space[centre]) ** 2).sum(axis=1), kind="stable")[:near].astype(np.int64)


def _requests(
    kind: Kind,
    activity: float,
    own: npt.NDArray[np.int64],
    days: float,
    start: float,
    traffic: Traffic,
    rng: np.random.Generator,
) -> _Part:
    times = _times(kind, activity, days, start, traffic, rng)
    rows = kind.rows_per_request
    count = np.full(len(times), rows, dtype=np.int64) if rows else traffic.sessions.draw_rows(len(times), rng)
    return _Part(times, count, own[rng.integers(len(own), size=int(count.sum()))])


def _times(kind: Kind, activity: float, days: float, start: float, traffic: Traffic, rng: np.random.Generator) -> FloatArray:
    span_s = days * DAY_S
    people, programs = traffic.sessions, traffic.streams
    if kind.law is Law.PROBE:
        return arrivals.probes(days, DAY_S / activity, rng)
    if kind.law is Law.JOB:
        sizes = rng.poisson(activity, int(np.ceil(days)))
        return arrivals.jobs(days, rng.uniform(*kind.hours), sizes.astype(np.int64), 1.0, rng, jitter_s=HOUR_S / 4)
    if kind.law is Law.STREAM:
        weights = arrivals.weekly(programs.hours, EVEN_DAYS, start, span_s, programs.window_s)
        growth = kind.growth ** np.linspace(0.0, 1.0, len(weights))
        rhythm = arrivals.Rhythm(weights * arrivals.swings(programs, len(weights), rng) * growth, programs.window_s)
        times = arrivals.stream(activity, float(programs.variation.draw(1, rng)[0]), rhythm, rng)
    else:
        rhythm = arrivals.Rhythm(arrivals.weekly(people.hours, people.days, start, span_s), HOUR_S)
        if kind.law is Law.TRIAL:
            times = arrivals.trial(people, rng.random() * span_s, rhythm, rng)
        else:
            times = arrivals.visits(people, activity / people.length.mean, rhythm, rng)
    return times[times < span_s]  # the last window may end after the last day


def _caller(kind: str, number: int, tier: str) -> Caller:
    name = f"{kind}-{number}"
    return Caller(Account(name, tier=tier), f"key-{name}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", Basis.KEY)


def _merged(customers: tuple[Customer, ...], parts: Sequence[_Part], start: float) -> Population:
    """Everybody's requests in the order of time; those of one moment in the order of the customers."""
    empty = np.empty(0, dtype=np.int64)
    times = np.concatenate([part.times for part in parts]) if parts else np.empty(0)
    count = np.concatenate([part.count for part in parts]) if parts else empty
    rows = np.concatenate([part.rows for part in parts]) if parts else empty
    who = np.repeat(np.arange(len(parts)), [len(part.times) for part in parts]) if parts else empty
    order = np.argsort(times, kind="stable")
    first = np.cumsum(count) - count
    return Population(customers, start + times[order], who[order], first[order], count[order], rows)
