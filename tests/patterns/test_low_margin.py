"""Low margins: rows beside the boundary stand out, hard cases are compared with hard cases."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.low_margin import FittedLowMargin, LowMargin
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows, thief_rows

ROWS = 32


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(300, ROWS, seed=1), {"low-margin": LowMargin()})


def readings(rows: list[FloatArray]) -> FloatArray:
    return next(one.readings[:, 0] for one in readings_at_checkpoints(profile(), batch_of(rows)) if one.rows == ROWS)


def test_rows_beside_the_boundary_stand_out() -> None:
    rng = np.random.default_rng(2)
    honest = readings([honest_rows(rng, ROWS) for _ in range(200)])
    assert np.median(readings([thief_rows(rng, ROWS) for _ in range(20)])) > honest.max()


def test_the_p_value_is_the_share_of_like_rows_with_a_margin_as_small() -> None:
    fitted = profile().fitted["low-margin"]
    assert isinstance(fitted, FittedLowMargin)
    found = fitted.p_values(profile().rows(honest_batch(300, ROWS, seed=3)))
    for share in (0.05, 0.25, 0.5):
        assert abs(float(np.mean(found <= share)) - share) < share / 2


def test_margins_that_many_rows_share_are_not_taken_for_rare_ones() -> None:
    def voted(batch: Batch) -> Batch:
        return replace(batch, scores=None if batch.scores is None else np.round(batch.scores * 4) / 4)

    profile = Profile.fit("model", voted(honest_batch(300, ROWS, seed=1)), {"low-margin": LowMargin()})
    fitted = profile.fitted["low-margin"]
    assert isinstance(fitted, FittedLowMargin)
    found = fitted.p_values(profile.rows(voted(honest_batch(300, ROWS, seed=3))))
    for share in (0.005, 0.05, 0.5):
        assert float(np.mean(found <= share)) <= 1.25 * share


def test_without_scores_there_is_no_margin() -> None:
    batch = replace(honest_batch(20, ROWS, seed=4), scores=None, labels=np.zeros(20 * ROWS, dtype=np.int64))
    assert LowMargin().fit(Profile.fit("model", batch, {}).rows(batch)) is None


def test_it_says_how_many() -> None:
    batch = batch_of([thief_rows(np.random.default_rng(5), ROWS)])
    states = profile().empty(1)
    profile().fold(states, batch.accounts, profile().marks(profile().rows(batch)))
    assert "of 32 rows lie nearer to the decision boundary" in profile().explain("low-margin", states, np.array([ROWS]))
