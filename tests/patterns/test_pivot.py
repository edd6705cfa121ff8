"""Pivot: more requests right after a release than customers have, and only where customers have seen one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.pivot import Pivot
from tests.support.honest import batch_of, honest_batch, honest_rows
from tests.support.readings import explained, profile_of, readings, silent

ROWS = 64
DAY_S = 86_400.0


def aged(rng: np.random.Generator, accounts: int, oldest_d: float, youngest_d: float = 0.0) -> Batch:
    batch = batch_of([honest_rows(rng, ROWS) for _ in range(accounts)])
    return replace(batch, model_age=rng.uniform(youngest_d, oldest_d, len(batch)) * DAY_S)


def test_who_comes_on_the_first_day_is_seen() -> None:
    rng = np.random.default_rng(1)
    profile = profile_of(Pivot(), aged(rng, 60, oldest_d=30))
    early = readings(profile, aged(rng, 10, oldest_d=1))
    assert early.min() > 3 * readings(profile, aged(rng, 200, oldest_d=30)).max()


def test_traffic_that_saw_no_release_teaches_nothing() -> None:
    rng = np.random.default_rng(2)
    assert silent(Pivot(), aged(rng, 60, oldest_d=60, youngest_d=20))
    assert silent(Pivot(), honest_batch(60, 10, seed=3))


def test_where_all_customers_come_on_the_first_day_that_is_no_sign() -> None:
    rng = np.random.default_rng(4)
    profile = profile_of(Pivot(), aged(rng, 60, oldest_d=1))
    assert abs(readings(profile, aged(rng, 50, oldest_d=1))).max() < 6


def test_a_missing_age_says_nothing() -> None:
    rng = np.random.default_rng(5)
    profile = profile_of(Pivot(), aged(rng, 60, oldest_d=30))
    assert np.isnan(readings(profile, honest_batch(1, 10, seed=6))[0])
    batch = aged(rng, 1, oldest_d=30)
    assert np.isnan(readings(profile, replace(batch, model_age=np.full(ROWS, np.nan)))[0])


def test_it_says_the_share_of_the_first_day() -> None:
    rng = np.random.default_rng(7)
    profile = profile_of(Pivot(), aged(rng, 60, oldest_d=30))
    assert explained(profile, aged(rng, 1, oldest_d=1)).startswith("100% of 64 rows came within a day")
