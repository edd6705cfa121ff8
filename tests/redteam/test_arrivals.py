"""Simulated times against the quantiles of the real traces: what the laws catch, and in a named bound what they miss."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam import arrivals
from moatkeeper.redteam.expenses import DAY_S
from moatkeeper.redteam.plan import START
from moatkeeper.redteam.traffic import HOUR_S, load

TRACE_DAYS = 23
USERS = 1_500
TRAFFIC = load()


def rhythm(days: float) -> arrivals.Rhythm:
    return arrivals.Rhythm(arrivals.weekly(TRAFFIC.sessions.hours, TRAFFIC.sessions.days, START, days * DAY_S), HOUR_S)


@pytest.fixture(scope="module")
def users() -> list[FloatArray]:
    """Users as the trace has them: each comes for some visits within its three weeks."""
    rng, clock = np.random.default_rng(0), rhythm(TRACE_DAYS)
    return [arrivals.trial(TRAFFIC.sessions, rng.random() * TRACE_DAYS * DAY_S, clock, rng) for _ in range(USERS)]


@pytest.mark.parametrize(("level", "factor"), [(0.1, 1.7), (0.25, 1.5), (0.5, 1.3), (0.75, 1.3), (0.9, 2.0), (0.99, 4.0)])
def test_gaps_within_a_user_are_those_of_the_trace_to_a_factor(users: list[FloatArray], level: float, factor: float) -> None:
    """The two tails are not fitted: both laws together give them, and lie within these factors."""
    simulated = np.quantile(np.concatenate([np.diff(times) for times in users]), level)
    real = TRAFFIC.sessions.gap_s[level]
    assert real / factor < simulated < real * factor


@pytest.mark.parametrize(("level", "factor"), [(0.5, 1.6), (0.75, 1.3), (0.9, 1.3), (0.99, 2.0)])
def test_requests_per_user_are_those_of_the_trace_to_a_factor(users: list[FloatArray], level: float, factor: float) -> None:
    simulated = np.quantile([len(times) for times in users], level)
    real = TRAFFIC.sessions.requests_per_user[level]
    assert real / factor <= simulated <= real * factor


def test_a_poisson_customer_would_fail_these_checks() -> None:
    """The negative control: with the trace's mean gap and no visits, the median gap is off by two orders of magnitude."""
    gaps = np.random.default_rng(0).exponential(TRACE_DAYS * DAY_S / 6.3, 10_000)
    assert np.quantile(gaps, 0.5) > 100 * TRAFFIC.sessions.gap_s[0.5]


@pytest.mark.parametrize(("level", "tolerance"), [(0.5, 0), (0.75, 1), (0.9, 2), (0.99, 5)])
def test_visits_are_as_long_as_in_the_trace(level: float, tolerance: float) -> None:
    simulated = np.quantile(TRAFFIC.sessions.length.draw(50_000, np.random.default_rng(1)), level)
    assert abs(simulated - TRAFFIC.sessions.session_length[level]) <= tolerance


def test_visits_begin_at_the_hours_of_the_trace() -> None:
    rng = np.random.default_rng(2)
    times = START + np.concatenate([arrivals.visits(TRAFFIC.sessions, 2.0, rhythm(70), rng) for _ in range(60)])
    hours = np.bincount((times // HOUR_S % 24).astype(int), minlength=24) / len(times)
    expected = TRAFFIC.sessions.hours / TRAFFIC.sessions.hours.sum()
    assert np.abs(hours - expected).sum() / 2 < 0.1
    evenly = np.full(24, 1 / 24)
    assert np.abs(hours - evenly).sum() / 2 > 0.3, "the negative control: a customer without nights is far off"


@pytest.mark.parametrize("variation", [0.5, 1.0, 3.0])
def test_a_stream_varies_as_it_was_told_and_comes_as_often(variation: float) -> None:
    flat = arrivals.Rhythm(np.ones(144 * 60), 600.0)
    times = arrivals.stream(100.0, variation, flat, np.random.default_rng(3))
    gaps = np.diff(times)
    assert gaps.std() / gaps.mean() == pytest.approx(variation, rel=0.1)
    assert len(times) / 60 == pytest.approx(100.0, rel=0.1)


def test_swings_are_as_wide_and_as_slow_as_in_the_trace() -> None:
    levels = np.log(arrivals.swings(TRAFFIC.streams, 40_000, np.random.default_rng(4)))
    assert levels.std() == pytest.approx(TRAFFIC.streams.swing_log_sd, rel=0.05)
    assert np.corrcoef(levels[:-1], levels[1:])[0, 1] == pytest.approx(TRAFFIC.streams.swing_follows, abs=0.02)


def test_a_clock_that_runs_on_activity_passes_most_of_it_where_the_customer_is_active() -> None:
    clock = arrivals.Rhythm(np.array([1.0, 3.0]), 100.0)
    assert clock.times(np.array([0.0, 50.0, 125.0, 200.0])).tolist() == [0.0, 100.0, 150.0, 200.0]


def test_the_first_hour_of_the_campaign_is_a_monday_morning_at_midnight() -> None:
    hours, days = np.arange(24.0), np.array([1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6])
    weights = arrivals.weekly(hours, days, START, 8 * DAY_S)
    assert weights[:3].tolist() == [0.0, 1.0, 2.0]
    assert weights[24:26].tolist() == [0.0, 10.0]
    assert weights[-1] == 23.0


def test_jobs_run_once_a_day_at_their_hour_even_after_days_without_any() -> None:
    sizes = np.array([3, 0, 2, 0], dtype=np.int64)
    times = arrivals.jobs(4.0, 2.0, sizes, 1.0, np.random.default_rng(5), jitter_s=60.0)
    assert np.bincount((times // DAY_S).astype(int), minlength=4).tolist() == sizes.tolist()
    assert np.abs(times % DAY_S - 2 * HOUR_S).max() < 120.0


def test_probes_come_steadily() -> None:
    gaps = np.diff(arrivals.probes(2.0, 600.0, np.random.default_rng(6)))
    assert len(gaps) > 280
    assert np.abs(gaps - 600.0).max() <= 2.0


def test_nobody_calls_outside_the_campaign(users: list[FloatArray]) -> None:
    times = np.concatenate(users)
    assert times.min() >= 0
    assert times.max() < TRACE_DAYS * DAY_S
    assert all((np.diff(one) >= 0).all() for one in users)
