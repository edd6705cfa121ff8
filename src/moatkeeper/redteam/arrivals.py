"""The times at which one honest customer calls, by the laws of traffic.py; every function is vectorised over requests."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.expenses import DAY_S
from moatkeeper.redteam.traffic import DAY_HOURS, HOUR_S, WEEK_DAYS, Lengths, LogNormal, Sessions, Streams

SMALLEST_WEIGHT = 1e-3
"""Keeps every hour possible, or a clock that runs on activity could not be turned back into time."""
MOST_VARIATION = 8.0
"""Of a stream's gaps. A tenth of the trace's clients lie above 5.8; beyond this, a season is a handful of bursts."""
SPARE = 1.2  # share of gaps drawn beyond the expected number; what is too much is cut off


class Rhythm:
    """A clock that runs on activity: as much of it passes in an hour as the customer is active then.

    ``weights`` are activity by window of ``window_s`` seconds, from the campaign's first second on, with any mean above 0.
    """

    def __init__(self, weights: FloatArray, window_s: float) -> None:
        scaled = np.maximum(weights / weights.mean(), SMALLEST_WEIGHT)
        self.span_s = len(weights) * window_s
        self._edges = np.arange(len(weights) + 1) * window_s
        passed = np.concatenate([[0.0], np.cumsum(scaled)])
        self._passed = passed * (self.span_s / passed[-1])

    def times(self, activity: FloatArray) -> FloatArray:
        """Seconds since the start for readings of the clock in [0, span_s], shape (n,)."""
        times: FloatArray = np.interp(activity, self._passed, self._edges)
        return times


def weekly(hours: FloatArray, days: FloatArray, start: float, span_s: float, window_s: float = HOUR_S) -> FloatArray:
    """Activity by window: the day's profile times that of the weekday (Monday first), from UTC second ``start`` on."""
    at = start + (np.arange(max(1, int(np.ceil(span_s / window_s)))) + 0.5) * window_s
    hour = (at // HOUR_S % DAY_HOURS).astype(np.intp)
    day = ((at // DAY_S + 3) % WEEK_DAYS).astype(np.intp)  # 1 January 1970 was a Thursday
    weights: FloatArray = hours[hour] * days[day]
    return weights


def swings(streams: Streams, windows: int, rng: np.random.Generator) -> FloatArray:
    """How a stream's rate departs from its profile by window, shape (windows,): a lognormal first-order autoregression."""
    follows = streams.swing_follows
    shocks = rng.normal(0.0, streams.swing_log_sd * (1 - follows**2) ** 0.5, windows).tolist()
    levels, level = [], float(rng.normal(0.0, streams.swing_log_sd))
    for shock in shocks:
        level = follows * level + shock
        levels.append(level)
    factors: FloatArray = np.exp(np.asarray(levels))
    return factors


def stream(per_day: float, variation: float, rhythm: Rhythm, rng: np.random.Generator) -> FloatArray:
    """A program's calls: a gamma renewal process with that CV of gaps on the rhythm's clock, about ``per_day`` a day.

    On a circle, so that neither the first nor the last day is special; sorted, shape (n,).
    """
    gap = DAY_S / per_day
    shape = 1 / min(variation, MOST_VARIATION) ** 2
    expected = rhythm.span_s / gap
    count = int(expected * SPARE + 10 / shape**0.5 * expected**0.5) + 10
    turns = np.cumsum(rng.gamma(shape, gap / shape, count))
    turns = turns[turns < rhythm.span_s]
    return rhythm.times(np.sort((turns + rng.random() * rhythm.span_s) % rhythm.span_s))


def visits(sessions: Sessions, visits_per_day: float, rhythm: Rhythm, rng: np.random.Generator) -> FloatArray:
    """A person's calls: visits with the trace's gaps, scaled to so many a day, each of several requests; sorted, shape (n,)."""
    between = _scaled(sessions.between, DAY_S / visits_per_day)
    expected = rhythm.span_s / between.mean
    count = int(expected * SPARE + 10 * np.exp(between.log_sd) * expected**0.5) + 10
    starts = np.cumsum(between.draw(count, rng)) - rng.random() * between.mean
    starts = rhythm.times(starts[(starts >= 0) & (starts < rhythm.span_s)])
    times = spread(starts, sessions.length, sessions.within, sessions.break_s, rng)
    return times[times < rhythm.span_s]


def trial(sessions: Sessions, begins_s: float, rhythm: Rhythm, rng: np.random.Generator) -> FloatArray:
    """One who tries the API and leaves: as many visits as users of the trace made in its three weeks; sorted, shape (n,)."""
    count = int(sessions.visits.draw(1, rng)[0])
    starts = begins_s + np.concatenate([[0.0], np.cumsum(sessions.between.draw(count - 1, rng))])
    starts = rhythm.times(starts[starts < rhythm.span_s])
    times = spread(starts, sessions.length, sessions.within, sessions.break_s, rng)
    return times[times < rhythm.span_s]


def spread(starts: FloatArray, length: Lengths, within: LogNormal, break_s: float, rng: np.random.Generator) -> FloatArray:
    """The requests of visits that begin at ``starts``, all of them sorted by time, shape (n,)."""
    if len(starts) == 0:
        return np.empty(0)
    lengths = length.draw(len(starts), rng)
    first = np.cumsum(lengths) - lengths
    gaps = np.minimum(within.draw(int(lengths.sum()), rng), break_s)
    gaps[first] = 0.0
    passed = np.cumsum(gaps)
    return cast(FloatArray, np.sort(np.repeat(starts - passed[first], lengths) + passed))


def jobs(
    days: float, hour: float, requests: npt.NDArray[np.int64], gap_s: float, rng: np.random.Generator, *, jitter_s: float
) -> FloatArray:
    """A job a day at an hour of the day, ``requests[i]`` calls on day i about ``gap_s`` apart; sorted, shape (n,)."""
    starts = np.arange(len(requests)) * DAY_S + hour * HOUR_S + rng.uniform(-jitter_s, jitter_s, len(requests))
    first = np.cumsum(requests) - requests
    gaps = rng.exponential(gap_s, int(requests.sum()))
    passed = np.concatenate([[0.0], np.cumsum(gaps)])
    times = np.repeat(starts - passed[first], requests) + passed[1:]
    return cast(FloatArray, np.sort(times[(times >= 0) & (times < days * DAY_S)]))


def probes(days: float, every_s: float, rng: np.random.Generator) -> FloatArray:
    """A monitor's calls: one every so many seconds, a second late or early; sorted, shape (n,)."""
    due = np.arange(rng.uniform(0, every_s), days * DAY_S, every_s)
    times = due + rng.uniform(-1, 1, len(due))
    return cast(FloatArray, np.sort(times[(times >= 0) & (times < days * DAY_S)]))


def _scaled(law: LogNormal, mean: float) -> LogNormal:
    """The same spread about another mean."""
    return LogNormal(law.log_mean + float(np.log(mean / law.mean)), law.log_sd)
