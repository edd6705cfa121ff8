"""Evenness: generated rows fill the range of each column, customers' rows do not."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.evenness import LEAST_ACCOUNTS, Evenness
from tests.support.honest import COLUMNS, batch_of, honest_batch, honest_rows
from tests.support.readings import explained, profile_of, readings, silent

ROWS = 64


def test_random_and_gridded_rows_are_more_even_than_any_customer() -> None:
    honest = honest_batch(150, ROWS, seed=1)
    assert honest.inputs is not None
    low, high = honest.inputs.min(axis=0), honest.inputs.max(axis=0)
    profile = profile_of(Evenness(), honest)
    rng = np.random.default_rng(2)
    random = batch_of([rng.uniform(low, high, (ROWS, COLUMNS)) for _ in range(20)], "random")
    grid = np.linspace(low, high, ROWS)
    gridded = batch_of([np.stack([rng.permutation(column) for column in grid.T], axis=1) for _ in range(20)], "grid")
    honest_readings = readings(profile, honest_batch(300, ROWS, seed=3))
    assert np.mean(readings(profile, random) > np.quantile(honest_readings, 0.95)) >= 0.8
    assert np.all(readings(profile, gridded) > honest_readings.max())


def test_missing_values_are_no_sign() -> None:
    profile = profile_of(Evenness(), honest_batch(100, ROWS, seed=1))
    rows = honest_rows(np.random.default_rng(4), ROWS)
    rows[::2, 0] = np.nan
    half = readings(profile, batch_of([rows[1::2]]))
    assert readings(profile, batch_of([rows])) == half
    rows[:, 0] = np.nan
    assert np.isnan(readings(profile, batch_of([rows]))[0])


def test_too_few_accounts_and_constant_columns_say_nothing() -> None:
    assert silent(Evenness(), honest_batch(LEAST_ACCOUNTS - 1, ROWS, seed=5))
    assert silent(Evenness(), batch_of([np.ones((20, COLUMNS)) for _ in range(40)]))


def test_it_says_how_even() -> None:
    profile = profile_of(Evenness(), honest_batch(100, ROWS, seed=1))
    found = explained(profile, batch_of([np.tile(honest_rows(np.random.default_rng(6), 1), (9, 1))]))
    assert f"9 rows fill the ranges of {COLUMNS} columns with an evenness of 0.00" in found
