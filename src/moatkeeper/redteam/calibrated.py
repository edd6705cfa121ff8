"""Detectors that learned from a simulated population, so that a rehearsal prices a copy with them in the way."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.batch import Batch, rank_in_account
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.redteam.population import Population
from moatkeeper.redteam.scene import Scene

MOST_ROWS_A_CUSTOMER = 512
"""Rows of one customer that detectors learn from: a nightly job says nothing new after so many, and thieves are met earlier."""


def calibrated(scene: Scene, population: Population) -> Calibration:
    """What a shadow period with these customers would have taught; raises CalibrationError where they are too few."""
    return Calibration.fit(scene.name, honest_batch(scene, population))


def honest_batch(scene: Scene, population: Population, most: int = MOST_ROWS_A_CUSTOMER) -> Batch:
    """The customers' first ``most`` rows with the model's own answers, in the order of their time."""
    requests = np.repeat(np.arange(len(population.times)), population.count)
    starts = np.repeat(population.first - np.r_[0, np.cumsum(population.count)[:-1]], population.count)
    places = population.rows[np.arange(len(requests)) + starts]
    owners = population.who[requests]
    ranks = rank_in_account(owners)
    kept = ranks < most
    answers = scene.model(scene.rows)
    return Batch(
        tuple(customer.caller.account.id for customer in population.customers),
        owners[kept],
        population.times[requests[kept]],
        requests[kept],
        inputs=scene.rows[places[kept]],
        scores=answers[places[kept]],
    )
