from __future__ import annotations

from math import inf

import numpy as np
import pytest

from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.limits.window import SLOTS
from moatkeeper.redteam.adaptive.pace import FIRST_HOUR, HOUR_S, LAST_HOUR, MEDIAN_GAP_S, Fast, Human, UnderLimits
from moatkeeper.redteam.expenses import DAY_S

MONDAY_NOON_S = 4 * DAY_S + 12 * HOUR_S  # 5 January 1970


def test_the_fast_wait_for_nothing_but_their_answer() -> None:
    pace = Fast(10, request_s=0.5)
    assert (pace.begin(0, 3.0), pace.next_at(0, 3.0), pace.crew_free_at()) == (3.0, 3.5, -inf)


def test_a_limit_is_shared_out_evenly_over_its_window() -> None:
    """By hand: 0.8 of 100 rows in an hour is 8 requests of 10, and a slot more than an hour holds them."""
    pace = UnderLimits([Limit(Scope.ACCOUNT, Unit.ROWS, 100)], 0.8, 10, 0.0)
    assert pace.next_at(0, 0.0) == pytest.approx(3_600 * (1 + 1 / SLOTS) / 8)
    assert pace.rows_per_request == 10


def test_requests_shrink_to_what_fits_a_limit_or_a_burst() -> None:
    assert UnderLimits([Limit(Scope.ACCOUNT, Unit.ROWS, 6)], 0.5, 50, 0.0).rows_per_request == 3
    bucket = UnderLimits([Limit(Scope.KEY, Unit.ROWS, 3_600, burst=10)], 1.0, 50, 0.0)
    assert (bucket.rows_per_request, bucket.next_at(0, 0.0)) == (10, 10.0)


def test_what_all_share_holds_the_whole_crew_back() -> None:
    pace = UnderLimits([Limit(Scope.ALL, Unit.REQUESTS, 10)], 1.0, 5, 0.1)
    assert pace.next_at(0, 100.0) == pytest.approx(100.1)
    assert pace.crew_free_at() == pytest.approx(100 + 360 * (1 + 1 / SLOTS))


def test_limits_by_address_and_in_other_units_are_left_out() -> None:
    others = [
        Limit(Scope.ADDRESS, Unit.ROWS, 1),
        Limit(Scope.ACCOUNT, Unit.TOKENS, 1),
        Limit(Scope.ACCOUNT, Unit.CONCURRENT, 1),
    ]
    assert UnderLimits(others, 1.0, 5, 0.1).next_at(0, 0.0) == 0.1


def times(start_days: float = 0.0, seed: int = 1) -> list[float]:
    pace = Human(np.random.default_rng(seed), 1, 5, start_days)
    at, seen = pace.begin(0, MONDAY_NOON_S), list[float]()
    for _ in range(3_000):
        seen.append(at)
        at = pace.next_at(0, at)
    return seen


def test_people_work_by_day_and_rest_at_the_weekend() -> None:
    for seed in range(4):
        seen = np.array(times(seed=seed))
        zones = [zone for zone in np.arange(-12, 14.5, 0.5) if _at_work(seen + zone * HOUR_S)]
        assert zones, "some time zone in which all of it is working time"


def _at_work(local: np.ndarray) -> bool:
    hours, days = local % DAY_S / HOUR_S, (local // DAY_S + 3) % 7
    return bool((hours >= FIRST_HOUR).all() and (hours < LAST_HOUR).all() and (days < 5).all())


def test_gaps_within_a_session_have_the_median_of_the_trace() -> None:
    gaps = np.diff(times())
    assert np.quantile(gaps, 0.5) == pytest.approx(MEDIAN_GAP_S, rel=0.3)
    assert np.quantile(gaps, 0.9) > 8 * MEDIAN_GAP_S
    assert (np.diff(gaps) != 0).all()


def test_starts_are_spread_over_days() -> None:
    pace = Human(np.random.default_rng(0), 200, 5, 10.0)
    begins = np.array([pace.begin(account, MONDAY_NOON_S) for account in range(200)]) - MONDAY_NOON_S
    assert begins.min() >= 0
    assert np.unique(begins // DAY_S).size >= 7
    assert begins.max() < 14 * DAY_S
