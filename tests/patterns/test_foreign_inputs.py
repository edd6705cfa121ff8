"""Foreign inputs: noise and averages stand out among wide inputs, like ones do not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.foreign_inputs import ForeignInputs
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_rows

ROWS, WIDTH = 32, 80
BASIS = np.random.default_rng(0).normal(size=(6, WIDTH))


def wide(rng: np.random.Generator) -> FloatArray:
    """Rows of one customer on six axes of a wide space, with noise of its own in each."""
    return np.asarray(honest_rows(rng, ROWS) @ BASIS + rng.normal(0, 0.2, (ROWS, WIDTH)) * rng.uniform(0.5, 1.5, (ROWS, 1)))


@cache
def profile() -> Profile:
    rng = np.random.default_rng(1)
    return Profile.fit("model", batch_of([wide(rng) for _ in range(200)]), {"foreign-inputs": ForeignInputs()})


def readings(rows: list[FloatArray]) -> FloatArray:
    return next(one.readings[:, 0] for one in readings_at_checkpoints(profile(), batch_of(rows)) if one.rows == ROWS)


@pytest.mark.parametrize("kind", ["noise", "averages"])
def test_what_is_not_made_as_honest_inputs_are_stands_out(kind: str) -> None:
    rng = np.random.default_rng(2)
    made: list[FloatArray] = []
    for _ in range(20):
        noise = rng.normal(0, 3, (ROWS, WIDTH))
        made.append(noise if kind == "noise" else np.mean([wide(rng) for _ in range(16)], axis=0))
    assert readings(made).min() > readings([wide(rng) for _ in range(200)]).max()


def test_tables_have_no_axes_of_their_own() -> None:
    table = batch_of([honest_rows(np.random.default_rng(3), 300)])
    assert ForeignInputs().fit(Profile.fit("model", table, {}).rows(table)) is None


def test_it_says_how_many() -> None:
    noise = batch_of([np.random.default_rng(4).normal(0, 3, (ROWS, WIDTH))])
    states = profile().empty(1)
    profile().fold(states, noise.accounts, profile().marks(profile().rows(noise)))
    assert profile().explain("foreign-inputs", states, np.array([ROWS])).startswith("32 of 32 rows")
