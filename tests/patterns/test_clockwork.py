"""Clockwork: a paced program with new questions is seen; nightly jobs and monitors are not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.clockwork import LEAST_ACCOUNTS, Clockwork
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows
from tests.support.readings import explained, profile_of, readings, silent

ROWS = 128
DAY_S, MINUTE_S = 86_400.0, 60.0


def timed(rows: list[FloatArray], times: list[FloatArray], prefix: str) -> Batch:
    return replace(batch_of(rows, prefix), at=np.concatenate(times))


def people(rng: np.random.Generator, accounts: int, prefix: str = "person") -> Batch:
    rows = [honest_rows(rng, ROWS) for _ in range(accounts)]
    return timed(rows, [rng.uniform(0, 10 * DAY_S) + np.cumsum(rng.exponential(70, ROWS)) for _ in rows], prefix)


def paced(rng: np.random.Generator, accounts: int, every_s: float, kinds: int = ROWS) -> Batch:
    """One row in every so many seconds, of ``kinds`` different ones."""
    rows = [honest_rows(rng, kinds)[np.arange(ROWS) % kinds] for _ in range(accounts)]
    return timed(rows, [rng.uniform(0, DAY_S) + np.arange(ROWS) * every_s + rng.normal(0, 0.05, ROWS) for _ in rows], "paced")


def nightly(rng: np.random.Generator, accounts: int) -> Batch:
    rows = [honest_rows(rng, ROWS) for _ in range(accounts)]
    return timed(rows, [7_200 + DAY_S * (np.arange(ROWS) // 32) + 0.01 * (np.arange(ROWS) % 32) for _ in rows], "nightly")


@cache
def profile() -> Profile:
    return profile_of(Clockwork(), people(np.random.default_rng(1), 60))


def test_new_rows_at_a_steady_pace_are_seen() -> None:
    rng = np.random.default_rng(2)
    most = readings(profile(), people(rng, 200)).max()
    for every_s in (2.0, 5.0, 30.0, MINUTE_S, 7.0):
        assert np.all(readings(profile(), paced(rng, 10, every_s)) > most), every_s


def test_nightly_jobs_and_monitors_of_a_few_rows_are_not() -> None:
    rng = np.random.default_rng(3)
    thief = readings(profile(), paced(rng, 10, MINUTE_S)).min()
    for program in (nightly(rng, 10), paced(rng, 10, MINUTE_S, kinds=4)):
        assert np.all(readings(profile(), program) < 0.2 * thief)


def test_a_period_that_customers_keep_says_nothing() -> None:
    rng = np.random.default_rng(4)
    whole = people(rng, 60)
    honest = replace(whole, at=np.floor(whole.at))  # stamps of whole seconds, as logs have
    found = profile_of(Clockwork(), honest)
    assert "intervals of 1 seconds" not in explained(found, replace(people(rng, 1), at=np.arange(ROWS, dtype=np.float64)))
    assert silent(Clockwork(), paced(rng, 60, 3_600.0))


def test_order_does_not_matter_and_missing_times_are_passed_over() -> None:
    batch = paced(np.random.default_rng(5), 1, 5.0)
    turned = batch.take(np.arange(ROWS)[::-1])
    assert readings(profile(), batch) == readings(profile(), turned)
    assert np.isnan(readings(profile(), replace(batch, at=np.full(ROWS, np.nan)))[0])


def test_too_few_accounts_say_nothing() -> None:
    assert silent(Clockwork(), honest_batch(LEAST_ACCOUNTS - 1, 20, seed=6))


def test_it_says_the_interval() -> None:
    found = explained(profile(), paced(np.random.default_rng(7), 1, 5.0))
    assert "new rows keep their place in intervals of" in found
