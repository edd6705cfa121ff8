"""Grain: computed numbers are told from real ones, whatever their size."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.grain import GRAINS, POWERS, Grain, size_and_grain
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows

ROWS = 32


@pytest.mark.parametrize(
    ("number", "power"), [(120.0, 1), (7.0, 0), (-2.5, -1), (0.37, -2), (1e6, 5), (3e-6, -6), (1_000_003.0, 0), (19.99, -2)]
)
def test_the_grain_is_the_largest_power_of_ten_in_a_number(number: float, power: int) -> None:
    _, grains = size_and_grain(np.array([[number]]))
    assert POWERS[grains[0, 0]] == power


def test_zero_irrational_and_missing_numbers_have_grains_of_their_own() -> None:
    _, grains = size_and_grain(np.array([[0.0, np.pi, np.nan, np.inf]]))
    assert grains.tolist() == [[GRAINS - 1, len(POWERS), -1, -1]]


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(300, ROWS, seed=1), {"grain": Grain()})


def readings(rows: list[FloatArray]) -> FloatArray:
    return next(one.readings[:, 0] for one in readings_at_checkpoints(profile(), batch_of(rows)) if one.rows == ROWS)


def test_averages_of_two_rows_stand_out_until_they_are_rounded() -> None:
    rng = np.random.default_rng(2)
    first, second = honest_rows(rng, ROWS), honest_rows(rng, ROWS)
    averages = 0.37 * first + 0.63 * second
    honest = readings([honest_rows(rng, ROWS) for _ in range(100)])
    assert readings([averages])[0] > honest.max() + 3
    assert readings([np.round(averages, 2)])[0] <= honest.max() + 1


def test_missing_numbers_are_no_sign() -> None:
    rng = np.random.default_rng(3)
    holes = honest_rows(rng, ROWS)
    holes[::2, 1:4] = np.nan
    assert readings([holes])[0] <= readings([honest_rows(rng, ROWS) for _ in range(100)]).max()
