"""Density: mixtures that no customer has stand out; specialists do not, though they are far from the mean of all."""

from __future__ import annotations

from functools import cache

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.density import FEATURES, LEAST_ACCOUNTS, Density, FittedDensity
from moatkeeper.patterns.distinct import EXACT
from moatkeeper.patterns.profile import Profile
from tests.support.honest import CENTRES, COLUMNS, batch_of, honest_batch, honest_rows
from tests.support.readings import explained, profile_of, readings, silent

ROWS = 64


@cache
def profile() -> Profile:
    return profile_of(Density(), honest_batch(300, ROWS, seed=1))


def specialist(rng: np.random.Generator) -> FloatArray:
    """A customer with a single kind of cases."""
    rows: FloatArray = np.round(CENTRES[rng.integers(len(CENTRES))] + rng.normal(0, 1, (ROWS, COLUMNS)), 2)
    return rows


def pooled_distance(rows: FloatArray) -> float:
    """What a test against pooled traffic measures: the plain distance of the mean features."""
    fitted = profile().fitted["density"]
    assert isinstance(fitted, FittedDensity)
    encoded = profile().rows(batch_of([rows]))
    features = fitted.marks(encoded)["features"][:, :-1] + fitted.means[encoded.cells]
    return float(np.sum((features.mean(axis=0) - fitted.means.mean(axis=0)) ** 2))


def test_rows_that_no_customer_mixes_are_far_out() -> None:
    rng = np.random.default_rng(2)
    generated = [rng.uniform(-6, 6, (ROWS, COLUMNS)) for _ in range(20)]
    cut = np.quantile(readings(profile(), honest_batch(300, ROWS, seed=3)), 0.99)
    assert np.all(readings(profile(), batch_of(generated, "thief")) > cut)


def test_specialists_are_far_from_the_mean_of_all_and_yet_not_flagged() -> None:
    rng = np.random.default_rng(4)
    specialists = [specialist(rng) for _ in range(100)]
    honest = [honest_rows(rng, ROWS) for _ in range(300)]
    cut = np.quantile(readings(profile(), batch_of(honest)), 0.99)
    assert np.mean(readings(profile(), batch_of(specialists, "special")) > cut) <= 0.1
    # The negative control: against pooled windows, where accounts are mixed, nearly all of them would be flagged.
    every = np.concatenate(honest)
    pooled = [pooled_distance(every[rng.permutation(len(every))[:ROWS]]) for _ in range(100)]
    assert np.mean([pooled_distance(rows) > np.quantile(pooled, 0.99) for rows in specialists]) >= 0.95


def test_a_row_that_is_sent_again_and_again_counts_once() -> None:
    row = honest_rows(np.random.default_rng(5), 1)
    fitted = profile().fitted["density"]
    marks = fitted.marks(profile().rows(batch_of([row])))["features"]
    once = FEATURES.empty(1)
    FEATURES.fold(once, np.zeros(1, dtype=np.int64), marks)
    again = readings(profile(), batch_of([np.tile(row, (ROWS, 1))]))[0]
    assert abs(again - fitted.read({"features": once}, np.array([1]))[0]) < 0.1 * again
    assert again < fitted.read({"features": ROWS * once}, np.array([ROWS]))[0] / 2  # without the bitmap under EXACT
    assert EXACT in profile().sketches()


def test_missing_values_are_no_sign() -> None:
    rows = honest_rows(np.random.default_rng(6), ROWS)
    rows[:, 3] = np.nan
    assert np.isnan(readings(profile(), batch_of([rows]))[0])


def test_too_few_accounts_say_nothing() -> None:
    assert silent(Density(), honest_batch(LEAST_ACCOUNTS - 1, ROWS, seed=7))


def test_it_says_how_far() -> None:
    assert "times as far" in explained(profile(), batch_of([honest_rows(np.random.default_rng(8), ROWS)]))
