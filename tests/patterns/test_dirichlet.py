"""How customers differ: the Dirichlet-multinomial law against its own definition, and what is learned of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.dirichlet import GENERAL, LEAST_ACCOUNTS, Dirichlet, counts_by_account, log_gamma

PLACES = 6


def drawn(concentration: float, accounts: int, rows: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(PLACES, concentration / PLACES), accounts)
    return np.stack([rng.multinomial(rows, one) for one in shares]).astype(np.float64)


@given(st.floats(1e-6, 1e6))
def test_the_logarithm_of_the_gamma_function_is_that_of_the_standard_library(value: float) -> None:
    assert float(log_gamma(np.array(value))) == pytest.approx(math.lgamma(value), rel=1e-9, abs=1e-9)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.floats(0.1, 50))
def test_the_likelihood_is_that_of_drawing_row_by_row(rows: list[int], concentration: float) -> None:
    base = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    counts, expected = np.zeros(5), 0.0
    for place in rows:
        expected += math.log((counts[place] + concentration * base[place]) / (counts.sum() + concentration))
        counts[place] += 1
    assert Dirichlet(base, concentration).log_likelihood(counts[None])[0] == pytest.approx(expected)


@pytest.mark.parametrize("concentration", [0.5, 2.0, 10.0])
def test_the_concentration_is_found_again(concentration: float) -> None:
    found = Dirichlet.fit(drawn(concentration, 400, 50))
    assert found is not None
    assert concentration / 1.5 < found.concentration < concentration * 1.5
    assert found.specialised


def test_accounts_that_all_draw_alike_are_not_specialised() -> None:
    rng = np.random.default_rng(2)
    found = Dirichlet.fit(rng.multinomial(100, np.full(PLACES, 1 / PLACES), 500).astype(np.float64))
    assert found is not None
    assert found.concentration >= GENERAL / 10


def test_a_generalist_is_more_general_than_specialists() -> None:
    honest = Dirichlet.fit(drawn(1.0, 400, 60))
    assert honest is not None
    general = honest.generality(np.full((1, PLACES), 10.0))[0]
    assert general > np.quantile(honest.generality(drawn(1.0, 500, 60, seed=3)), 0.9)
    assert general > 0


def test_too_few_accounts_and_a_single_place_teach_nothing() -> None:
    assert Dirichlet.fit(drawn(1.0, LEAST_ACCOUNTS - 1, 20)) is None
    assert Dirichlet.fit(np.full((100, 1), 5.0)) is None
    assert Dirichlet.fit(np.zeros((100, PLACES))) is None


def test_counts_pass_over_rows_without_a_place() -> None:
    counts = counts_by_account(np.array([0, 2, -1, 2]), np.array([7, 7, 7, 9]), 3)
    assert counts.tolist() == [[1, 0, 1], [0, 0, 1]]
