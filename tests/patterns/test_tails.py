"""Tails: an excess of rare rows is seen at the level where it is, and accounts that differ honestly are allowed to."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moatkeeper.patterns.tails import LEVELS, WIDTH, Tails
from moatkeeper.sketch.counts import Counts

ACCOUNTS, ROWS = 300, 100


def tallies(p_values: np.ndarray) -> np.ndarray:
    """The state of one account."""
    state = Counts(WIDTH).empty(1)
    Counts(WIDTH).fold(state, np.zeros(len(p_values), dtype=np.int64), Tails.marks(p_values))
    return state


def fitted(alike: bool) -> Tails:
    rng = np.random.default_rng(1)
    shares = rng.beta(1, 1, ACCOUNTS) if alike else np.full(ACCOUNTS, 0.5)
    p_values = np.concatenate([np.where(rng.random(ROWS) < share, 0.3, 0.9) for share in shares])
    return Tails.fit(p_values, np.repeat(np.arange(ACCOUNTS), ROWS))


def test_a_few_very_rare_rows_among_many_plain_ones_count() -> None:
    rng = np.random.default_rng(2)
    honest = rng.random(ACCOUNTS * ROWS)
    tails = Tails.fit(honest, np.repeat(np.arange(ACCOUNTS), ROWS))
    plain, few = rng.random(ROWS), np.r_[rng.random(ROWS - 5), np.full(5, 0.0005)]
    assert tails.read(tallies(few))[0] > tails.read(tallies(plain))[0] + 2
    assert "5 of 100 rows" in tails.explain(tallies(few), "are rare")


def test_where_customers_differ_one_that_differs_is_less_strange() -> None:
    strange = tallies(np.full(ROWS, 0.3))
    assert fitted(alike=True).read(strange)[0] < 0.5 * fitted(alike=False).read(strange)[0]


@given(arrays(np.int32, (3, WIDTH), elements=st.integers(0, 10_000)))
def test_readings_are_finite_for_any_state_with_rows(state: np.ndarray) -> None:
    readings = fitted(alike=True).read(state)
    assert (np.isfinite(readings) == (state.sum(axis=1) > 0)).all()


def test_each_row_falls_into_the_bin_of_its_rarity() -> None:
    assert Tails.marks(np.array([0.9, 0.5, 0.0, np.nan]))[:, 0].tolist() == [0, 1, len(LEVELS), -1]
