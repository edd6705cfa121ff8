"""Generalists: who draws from all customers' rows stands out where customers are specialised, and nobody does elsewhere."""

from __future__ import annotations

from functools import cache

import numpy as np

from moatkeeper.patterns.generalist import Generalist
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows
from tests.support.readings import explained, profile_of, readings, silent

ROWS = 64


@cache
def profile() -> Profile:
    return profile_of(Generalist(), honest_batch(300, ROWS, seed=1))


def everything(rng: np.random.Generator, count: int) -> np.ndarray:
    """Rows of as many customers, one row each."""
    return np.concatenate([honest_rows(rng, 1) for _ in range(count)])


def test_a_caller_who_asks_about_everything_is_stranger_than_nearly_all_customers() -> None:
    rng = np.random.default_rng(2)
    thieves = readings(profile(), batch_of([everything(rng, ROWS) for _ in range(40)], "thief"))
    honest = readings(profile(), honest_batch(600, ROWS, seed=3))
    cut = np.quantile(honest, 0.99)
    assert np.mean(thieves > cut) >= 0.9
    # The negative control: as many customers do not.
    assert np.mean(readings(profile(), honest_batch(200, ROWS, seed=4)) > cut) <= 0.05


def test_sending_the_same_few_rows_again_makes_nobody_a_generalist() -> None:
    few = everything(np.random.default_rng(5), 4)
    once, often = batch_of([few], "once"), batch_of([np.tile(few, (16, 1))], "often")
    honest = np.quantile(readings(profile(), honest_batch(200, ROWS, seed=6)), 0.99)
    assert readings(profile(), often)[0] < honest
    assert readings(profile(), once)[0] < honest


def test_where_customers_are_generalists_it_says_nothing() -> None:
    rng = np.random.default_rng(7)
    assert silent(Generalist(), batch_of([everything(rng, 40) for _ in range(120)]))


def test_rows_with_missing_values_are_no_sign() -> None:
    rows = everything(np.random.default_rng(8), ROWS)
    rows[:, 1] = np.nan
    assert np.isnan(readings(profile(), batch_of([rows]))).all()


def test_it_says_how_many_regions() -> None:
    assert "64 rows lie in" in explained(profile(), batch_of([everything(np.random.default_rng(9), ROWS)]))
