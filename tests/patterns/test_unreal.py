"""Unreal rows: made up from honest values they stand out, honest ones do not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.profile import Profile
from moatkeeper.patterns.unreal import Unreal
from tests.support.honest import batch_of, honest_batch, honest_rows

ROWS = 32


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(400, ROWS, seed=1), {"unreal": Unreal()})


def readings(rows: list[FloatArray]) -> FloatArray:
    return next(one.readings[:, 0] for one in readings_at_checkpoints(profile(), batch_of(rows)) if one.rows == ROWS)


def test_shuffled_rows_stand_out_of_honest_ones() -> None:
    rng = np.random.default_rng(2)
    honest = [honest_rows(rng, ROWS) for _ in range(200)]
    everything = np.concatenate(honest)
    made_up = [np.stack([rng.choice(column, ROWS) for column in everything.T], axis=1) for _ in range(50)]
    assert np.median(readings(made_up)) > np.quantile(readings(honest), 0.99)


def test_a_single_column_has_nothing_to_go_with() -> None:
    batch = batch_of([honest_rows(np.random.default_rng(3), 300)])
    assert batch.inputs is not None
    for width, says in ((1, False), (2, True)):
        narrow = replace(batch, inputs=batch.inputs[:, :width])
        assert (Profile.fit("model", narrow, {"unreal": Unreal()}).detectors == ("unreal",)) is says


def test_it_says_how_many() -> None:
    rng = np.random.default_rng(4)
    batch = batch_of([rng.uniform(-9, 9, (ROWS, 6))])
    states = profile().empty(1)
    profile().fold(states, batch.accounts, profile().marks(profile().rows(batch)))
    assert "of 32 rows combine values" in profile().explain("unreal", states, np.array([ROWS]))
