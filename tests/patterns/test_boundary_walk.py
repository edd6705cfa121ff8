"""Boundary walks: changing one value until the answer changes is seen, asking about different things is not."""

from __future__ import annotations

from functools import cache

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.boundary_walk import BoundaryWalk
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows

ROWS = 32


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(300, ROWS, seed=1), {"boundary-walk": BoundaryWalk()})


def readings(rows: list[FloatArray]) -> FloatArray:
    return next(one.readings[:, 0] for one in readings_at_checkpoints(profile(), batch_of(rows)) if one.rows == ROWS)


def walk(rng: np.random.Generator) -> FloatArray:
    """Eight rows, each asked with four values of the column that decides."""
    rows = np.repeat(honest_rows(rng, ROWS // 4), 4, axis=0)
    rows[:, 0] = np.tile([-6.0, -2.0, 2.0, 6.0], ROWS // 4)
    return rows


def test_a_walk_stands_out_and_the_same_changes_elsewhere_do_not() -> None:
    rng = np.random.default_rng(2)
    honest = readings([honest_rows(rng, ROWS) for _ in range(100)])
    assert readings([walk(rng)])[0] > honest.max()
    beside = np.repeat(honest_rows(rng, ROWS // 4), 4, axis=0)
    beside[:, 5] += np.tile([0.0, 0.1, 0.2, 0.3], ROWS // 4)  # a column that decides nothing
    assert readings([beside])[0] <= honest.max()
