"""Near-duplicates: small steps stand out; sending again, changing a field and asking about like cases do not."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.near_duplicates import NearDuplicates
from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows

ROWS = 64
FEW = 0.1


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(60, ROWS, seed=1), {"near-duplicates": NearDuplicates()})


def readings(rows: list[FloatArray]) -> FloatArray:
    return next(one.readings[:, 0] for one in readings_at_checkpoints(profile(), batch_of(rows)) if one.rows == ROWS)


def stepped(rng: np.random.Generator, size: float) -> FloatArray:
    """Eight rows, each with seven steps of about this size in every column."""
    return np.repeat(honest_rows(rng, ROWS // 8), 8, axis=0) + size * rng.normal(size=(ROWS, 6))


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_reading_is_a_share_and_knows_no_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = stepped(rng, 0.003)
    first, second = readings([rows, rows[rng.permutation(ROWS)]]).tolist()
    assert first == second
    assert 0 <= first <= 1


def test_eight_rows_of_small_steps_each_are_seven_eighths_near_duplicates() -> None:
    rng = np.random.default_rng(2)
    found = readings([stepped(rng, 1e-4) for _ in range(10)])
    assert np.allclose(found, 7 / 8, atol=FEW)


def test_honest_ways_to_ask_nearly_the_same_do_not_stand_out() -> None:
    rng = np.random.default_rng(3)
    again = np.repeat(honest_rows(rng, ROWS // 4), 4, axis=0)
    what_if = np.repeat(honest_rows(rng, ROWS // 4), 4, axis=0)
    what_if[np.arange(ROWS), rng.integers(0, 6, ROWS)] = rng.normal(0, 3, ROWS).round(2)
    assert readings([again, what_if, honest_rows(rng, ROWS)]).max() < FEW


def test_it_says_how_many() -> None:
    batch = batch_of([stepped(np.random.default_rng(5), 1e-4)])
    states = profile().empty(1)
    profile().fold(states, batch.accounts, profile().marks(profile().rows(batch)))
    assert profile().explain("near-duplicates", states, np.array([ROWS])).startswith("64 distinct rows")
