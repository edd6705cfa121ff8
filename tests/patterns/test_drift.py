"""Drift: another kind of honest traffic is noticed, the same kind is not, and a few thieves are none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.drift import Drift, Usual, count_tenths
from moatkeeper.patterns.fusion import Fusion
from tests.support.honest import batch_of, honest_batch, honest_rows, model, thief_rows

ROWS = 32


@cache
def calibration() -> Calibration:
    return Calibration.fit("model", honest_batch(1_500, ROWS, seed=1))


def drifts(batch: Batch) -> list[Drift]:
    for reached in readings_at_checkpoints(calibration().profile, batch):
        if reached.rows == ROWS:
            checkpoint = calibration().at(ROWS)
            assert checkpoint is not None
            return checkpoint.usual.compare(count_tenths(checkpoint.fusion.quantiles, reached.readings))
    raise AssertionError("no account reached the checkpoint")


@pytest.mark.parametrize("seed", range(20, 25))
def test_the_same_customers_do_not_drift(seed: int) -> None:
    assert not any(one.alarming for one in drifts(honest_batch(400, ROWS, seed=seed, prefix="later")))


def test_customers_with_harder_cases_do() -> None:
    rng = np.random.default_rng(30)
    harder = []
    for _ in range(400):
        rows = honest_rows(rng, 4 * ROWS)
        order = np.argsort(np.abs(model(rows)[:, 0] - 0.5))
        harder.append(rows[order[:ROWS]])
    assert any(one.alarming for one in drifts(batch_of(harder, "later")))


def test_a_few_thieves_are_no_drift() -> None:
    rng = np.random.default_rng(31)
    honest = [honest_rows(rng, ROWS) for _ in range(400)]
    assert not any(one.alarming for one in drifts(batch_of(honest + [thief_rows(rng, ROWS) for _ in range(20)], "later")))


def test_a_worked_example() -> None:
    quantiles = Fusion.fit(np.linspace(0, 1, 1_001)[:, None]).quantiles
    readings = np.array([[0.05], [0.15], [0.99], [np.nan]])
    counts = count_tenths(quantiles, readings)
    assert counts.sum() == 3
    assert counts[0, -1] == 1
    usual = Usual.fit(quantiles, np.linspace(0, 1, 1_000)[:, None])
    assert usual.compare(np.zeros((1, 10)))[0].accounts == 0
