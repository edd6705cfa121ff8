"""Round the clock: the hours of the day and the days of the week, whatever the time zone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.round_the_clock import HOUR_S, RoundTheClock
from tests.support.honest import batch_of, honest_batch, honest_rows
from tests.support.readings import explained, profile_of, readings, silent

ROWS = 96


def office(rng: np.random.Generator, accounts: int) -> Batch:
    """Customers who work nine hours on five days, each in a time zone of his own."""
    batch = batch_of([honest_rows(rng, ROWS) for _ in range(accounts)], "office")
    zone = rng.integers(0, 24, accounts)[batch.accounts]
    days, hours = rng.integers(0, 5, len(batch)), rng.integers(8, 17, len(batch))
    return replace(batch, at=(days * 24 + hours + zone + rng.random(len(batch))) * HOUR_S)


def sleepless(rng: np.random.Generator, accounts: int) -> Batch:
    batch = batch_of([honest_rows(rng, ROWS) for _ in range(accounts)], "sleepless")
    return replace(batch, at=rng.uniform(0, 168 * HOUR_S, len(batch)))


def test_who_never_sleeps_is_seen() -> None:
    rng = np.random.default_rng(1)
    profile = profile_of(RoundTheClock(), office(rng, 60))
    assert readings(profile, sleepless(rng, 20)).min() > readings(profile, office(rng, 100)).max()


@pytest.mark.parametrize("shift_h", [1, 7, 30])
def test_the_time_zone_hardly_matters(shift_h: int) -> None:
    rng = np.random.default_rng(2)
    profile = profile_of(RoundTheClock(), office(rng, 60))
    batch = office(rng, 5)
    moved = replace(batch, at=batch.at + shift_h * HOUR_S)
    np.testing.assert_allclose(readings(profile, batch), readings(profile, moved), atol=0.1)


def test_missing_times_say_nothing() -> None:
    rng = np.random.default_rng(3)
    profile = profile_of(RoundTheClock(), office(rng, 60))
    batch = office(rng, 1)
    assert np.isnan(readings(profile, replace(batch, at=np.full(ROWS, np.nan)))[0])
    honest = honest_batch(50, 10, seed=4)
    assert silent(RoundTheClock(), replace(honest, at=np.full(len(honest), np.nan)))


def test_it_says_in_how_many_hours() -> None:
    rng = np.random.default_rng(5)
    profile = profile_of(RoundTheClock(), office(rng, 60))
    batch = office(rng, 1)
    assert "96 rows came in 1 of the 24 hours of a day and on 1 of 7 days" in explained(
        profile, replace(batch, at=np.full(ROWS, 10.0))
    )
