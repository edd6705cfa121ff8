"""A profile: states of parts merge to the state of the whole, and only detectors with a say are in it."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.profile import Profile
from tests.support.honest import batch_of, honest_batch, honest_rows

ROWS = 24


@cache
def profile() -> Profile:
    return Profile.fit("model", honest_batch(60, 32, seed=1))


@given(st.lists(st.booleans(), min_size=ROWS, max_size=ROWS))
def test_however_rows_are_dealt_the_merged_state_is_that_of_all(first: list[bool]) -> None:
    batch = batch_of([honest_rows(np.random.default_rng(2), ROWS)])
    marking = profile().marks(profile().rows(batch))
    whole, left, right = (profile().empty(1) for _ in range(3))
    mask = np.array(first)
    profile().fold(whole, batch.accounts, marking)
    profile().fold(left, batch.accounts, marking, np.flatnonzero(mask))
    profile().fold(right, batch.accounts, marking, np.flatnonzero(~mask))
    for merged in (profile().merge(left, right), profile().merge(right, left)):
        for name, state in whole.items():
            np.testing.assert_array_equal(merged[name], state)


def test_detectors_without_a_say_are_left_out() -> None:
    batch = batch_of([honest_rows(np.random.default_rng(3), 300)])
    assert "low-margin" in Profile.fit("model", batch).detectors
    silent = Profile.fit("model", batch.__class__(batch.names, batch.accounts, batch.at, batch.requests, inputs=batch.inputs))
    assert "low-margin" not in silent.detectors


def test_every_reading_can_be_explained() -> None:
    batch = batch_of([honest_rows(np.random.default_rng(4), ROWS)])
    states = profile().empty(1)
    profile().fold(states, batch.accounts, profile().marks(profile().rows(batch)))
    for name in profile().detectors:
        assert any(letter.isdigit() for letter in profile().explain(name, states, np.array([ROWS])))
