"""Sweeps: running through the values of one column stands out, repeating and trying a few things does not."""

from __future__ import annotations

from functools import cache

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.profile import Profile
from moatkeeper.patterns.sweeps import Sweeps
from tests.support.honest import batch_of, honest_batch, honest_rows

ROWS = 64


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(60, ROWS, seed=1), {"sweeps": Sweeps()})


def readings(rows: list[FloatArray]) -> FloatArray:
    return next(one.readings[:, 0] for one in readings_at_checkpoints(profile(), batch_of(rows)) if one.rows == ROWS)


def swept(rng: np.random.Generator, column: int) -> FloatArray:
    """Two rows, of each of which one column runs through its range."""
    rows = np.repeat(honest_rows(rng, 2), ROWS // 2, axis=0)
    rows[:, column] = np.tile(np.linspace(-3, 3, ROWS // 2), 2)
    return rows


def what_if(rng: np.random.Generator) -> FloatArray:
    """Of every eight rows seven change one column of the first, whichever."""
    rows = np.repeat(honest_rows(rng, ROWS // 8), 8, axis=0)
    column = rng.integers(0, rows.shape[1], ROWS)
    rows[np.arange(ROWS), column] = np.where(
        np.arange(ROWS) % 8, rng.normal(0, 2, ROWS).round(2), rows[np.arange(ROWS), column]
    )
    return rows


def test_a_sweep_has_more_mates_than_trying_what_if() -> None:
    rng = np.random.default_rng(2)
    honest = readings([what_if(rng) for _ in range(20)] + [honest_rows(rng, ROWS) for _ in range(100)])
    assert readings([swept(rng, number % 6) for number in range(20)]).min() > honest.max()


def test_the_order_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    rows = swept(rng, 2)
    assert readings([rows])[0] == readings([rows[rng.permutation(ROWS)]])[0]


def test_sending_the_same_rows_again_is_no_sweep() -> None:
    rng = np.random.default_rng(4)
    again = [np.repeat(honest_rows(rng, 2), ROWS // 2, axis=0) for _ in range(20)]
    assert readings(again).max() < 3  # two different rows that fall together


def test_it_says_how_many() -> None:
    batch = batch_of([swept(np.random.default_rng(5), 0)])
    states = profile().empty(1)
    profile().fold(states, batch.accounts, profile().marks(profile().rows(batch)))
    assert "differ from it in a few columns only" in profile().explain("sweeps", states, np.array([ROWS]))
