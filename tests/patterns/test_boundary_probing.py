"""Boundary probing: questions beside one row that are answered both ways stand out, more than a search along the boundary."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Purpose
from moatkeeper.patterns.boundary_probing import BoundaryProbing
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows, model, thief_rows

ROWS = 64


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(60, ROWS, seed=1), {"boundary-probing": BoundaryProbing()})


def readings(rows: list[FloatArray]) -> FloatArray:
    return next(one.readings[:, 0] for one in readings_at_checkpoints(profile(), batch_of(rows)) if one.rows == ROWS)


def probe(rng: np.random.Generator) -> FloatArray:
    """Small steps in all directions from one row beside the boundary."""
    return np.asarray(thief_rows(rng, 1)[0] + rng.normal(0, 0.05, (ROWS, 6)), dtype=np.float64)


def test_probing_stands_out_of_honest_rows_and_of_searching_the_boundary() -> None:
    rng = np.random.default_rng(2)
    others = [honest_rows(rng, ROWS) for _ in range(50)] + [thief_rows(rng, ROWS) for _ in range(20)]
    assert np.median(readings([probe(rng) for _ in range(20)])) > readings(others).max()


def test_steps_that_never_cross_are_no_probing() -> None:
    rng = np.random.default_rng(3)
    rows = honest_rows(rng, 500)
    sure = rows[np.argmax(np.abs(model(rows)[:, 0] - 0.5))]
    assert readings([sure + rng.normal(0, 0.05, (ROWS, 6))])[0] < 1


def test_it_is_named_apart_from_extraction() -> None:
    assert BoundaryProbing().purpose is Purpose.PROBING


def test_without_answers_it_says_nothing() -> None:
    batch = honest_batch(60, ROWS, seed=4)
    silent = replace(batch, scores=None)
    assert BoundaryProbing().fit(Profile.fit("model", silent, {}).rows(silent)) is None
    probing = replace(batch_of([probe(np.random.default_rng(5))]), scores=None)
    states = profile().empty(1)
    profile().fold(states, probing.accounts, profile().marks(profile().rows(probing)))
    assert profile().read(states, np.array([ROWS])).tolist() == [[0.0]]
