"""Detectors of a rehearsal learn from simulated customers, and only from those who are not judged later."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.errors import CalibrationError
from moatkeeper.redteam.calibrated import calibrated, honest_batch
from moatkeeper.redteam.plan import START
from moatkeeper.redteam.population import KINDS, Population, populate
from tests.support.campaigns import model, scene

SCENE = scene()


def population(customers: int, days: float = 3.0, seed: int = 1) -> Population:
    """Customers of the shipped kinds."""
    return populate(tuple(KINDS.values()), customers, SCENE.rows, days, START, seed)


def test_a_batch_has_each_customers_first_rows_with_the_models_answers() -> None:
    customers = population(12)
    batch = honest_batch(SCENE, customers, most=1_000_000)
    assert len(batch) == customers.count.sum()
    assert batch.inputs is not None
    assert batch.scores is not None
    np.testing.assert_array_equal(batch.scores, model(batch.inputs))
    assert np.all(np.diff(batch.at) >= 0)
    request = 3
    first, count = customers.first[request], customers.count[request]
    np.testing.assert_array_equal(batch.inputs[batch.requests == request], SCENE.rows[customers.rows[first : first + count]])
    assert {batch.names[owner] for owner in batch.accounts[batch.requests == request].tolist()} == {
        customers.customers[customers.who[request]].caller.account.id
    }
    assert np.bincount(honest_batch(SCENE, customers, most=5).accounts).max() == 5


def test_too_few_customers_teach_nothing() -> None:
    with pytest.raises(CalibrationError):
        calibrated(SCENE, population(12))


def test_enough_of_them_do() -> None:
    found = calibrated(SCENE, population(120))
    assert found.profile.model == SCENE.name
    assert found.checkpoints
