"""Impossible values: a few of them in many rows are told from none."""

from __future__ import annotations

from functools import cache

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.impossible_values import ImpossibleValues
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows

ROWS = 32


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(200, ROWS, seed=1), {"impossible-values": ImpossibleValues()})


def readings(rows: list[FloatArray]) -> FloatArray:
    return next(one.readings[:, 0] for one in readings_at_checkpoints(profile(), batch_of(rows)) if one.rows == ROWS)


def test_numbers_out_of_all_bounds_stand_out() -> None:
    rng = np.random.default_rng(2)
    honest = [honest_rows(rng, ROWS) for _ in range(50)]
    thief = honest_rows(rng, ROWS)
    thief[::4, 2:4] = 50.0
    found = readings([*honest, thief])
    assert found[-1] > found[:-1].max()


def test_one_column_that_is_new_does_not_stand_out() -> None:
    rng = np.random.default_rng(6)
    new = honest_rows(rng, ROWS)
    new[:, 5] = 50.0
    assert readings([new])[0] == 0.0


def test_missing_values_do_not() -> None:
    rng = np.random.default_rng(3)
    holes = honest_rows(rng, ROWS)
    holes[::2, 1] = np.nan
    found = readings([holes, honest_rows(rng, ROWS)])
    assert found[0] <= found[1]
