"""Fusion: one score of many readings that grows with each of them, stays finite, and knows heavy tails from thieves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.fusion import MOST_RARE, PLAIN, Fusion
from moatkeeper.patterns.packing import pack, unpack

DETECTORS = 3
ANY = st.one_of(st.floats(-1e9, 1e9), st.sampled_from([np.nan, np.inf, -np.inf, 0.0]))


def readings(accounts: int) -> st.SearchStrategy[FloatArray]:
    row = st.lists(ANY, min_size=DETECTORS, max_size=DETECTORS)
    return st.lists(row, min_size=1, max_size=accounts).map(lambda rows: np.array(rows, dtype=np.float64))


@given(readings(30), readings(10))
def test_scores_and_rarities_are_finite_and_never_negative_whatever_is_read(honest: FloatArray, later: FloatArray) -> None:
    fusion = Fusion.fit(honest)
    for found in (fusion.rarities(later), fusion.scores(later), fusion.robust_scores(later)):
        assert np.isfinite(found).all()
        assert (found >= 0).all()
    assert fusion.rarities(later).max() <= MOST_RARE
    assert fusion.scores(later).shape == (len(later),)


@given(readings(30), readings(10), st.integers(0, DETECTORS - 1), st.floats(0, 1e6))
def test_a_larger_reading_never_lowers_the_score(honest: FloatArray, later: FloatArray, column: int, more: float) -> None:
    fusion = Fusion.fit(honest)
    higher = later.copy()
    higher[:, column] += more
    assert (fusion.scores(higher) >= fusion.scores(later) - 1e-9).all()
    assert (fusion.rarities(higher) >= fusion.rarities(later) - 1e-9).all()


@given(readings(30), readings(10))
def test_a_reading_that_says_nothing_adds_nothing(honest: FloatArray, later: FloatArray) -> None:
    fusion = Fusion.fit(honest)
    silent = later.copy()
    silent[:, 0] = np.nan
    assert (fusion.scores(silent) <= fusion.scores(later)).all()
    assert (fusion.rarities(silent)[:, 0] == 0).all()


def test_a_rarity_is_the_logarithm_of_the_honest_share_that_is_as_strange() -> None:
    honest = np.random.default_rng(1).standard_normal((5_000, 1))
    fusion = Fusion.fit(honest)
    for share in (0.5, 0.1, 0.01, 0.001):
        reading = np.array([[np.quantile(honest, 1 - share)]])
        assert float(np.exp(-fusion.rarities(reading))[0, 0]) == pytest.approx(share, rel=0.2)
    strangest = honest.max()[None, None]
    assert fusion.rarities(strangest)[0, 0] == pytest.approx(np.log(5_001))
    assert fusion.rarities(strangest + 1.0)[0, 0] > fusion.rarities(strangest + 0.5)[0, 0] > np.log(5_001)


def test_what_most_honest_accounts_share_is_not_rare() -> None:
    honest = np.zeros((1_000, 1))
    honest[:5] = 1.0
    rarities = Fusion.fit(honest).rarities(np.array([[0.0], [0.5], [1.0]]))[:, 0]
    assert rarities[0] == 0
    assert rarities[1] <= rarities[2]
    assert float(np.exp(-rarities[2])) == pytest.approx(0.005, rel=0.3)


def test_a_quiet_account_scores_nothing_and_two_strong_signs_more_than_one() -> None:
    fusion = Fusion.fit(np.random.default_rng(2).standard_normal((5_000, 2)))
    assert fusion.plain == PLAIN
    none, one, two = fusion.scores(np.array([[2.0, 2.0], [5.0, 2.0], [5.0, 5.0]]))
    assert none == 0
    assert two == pytest.approx(2 * one, rel=0.3)
    assert Fusion.fit(np.zeros((60, 2))).plain == pytest.approx(np.log(61 / 2))  # with few accounts, less has to do


def power(fusion: Fusion, honest: FloatArray, thieves: FloatArray) -> float:
    """The share of thieves beyond all but one in a thousand honest accounts."""
    return float(np.mean(fusion.scores(thieves) > np.quantile(fusion.scores(honest), 0.999)))


def test_detectors_with_heavy_honest_tails_do_not_hide_a_thief_in_another() -> None:
    rng = np.random.default_rng(3)

    def honest(accounts: int) -> FloatArray:
        plain = rng.standard_normal((accounts, 4))
        plain[:, 1:] = rng.standard_t(2, (accounts, 3))  # hard portfolios, templates, nightly jobs
        return plain

    later, thieves = honest(20_000), honest(500)
    thieves[:, 0] = 5.0
    fusion = Fusion.fit(honest(4_000))
    assert power(fusion, later, thieves) >= 0.95
    # The negative control: rarities that an exponential tail beyond the bulk makes, added, lose them.
    tail = np.quantile(later, 0.95, axis=0)
    excesses = [column[column > edge] - edge for column, edge in zip(later.T, tail, strict=True)]
    scale = np.array([np.median(one) / np.log(2) for one in excesses])
    exponential = [np.maximum(part - tail, 0) / scale for part in (later, thieves)]
    cut = np.quantile(exponential[0].sum(axis=1), 0.999)
    assert np.mean(exponential[1].sum(axis=1) > cut) <= 0.3


def test_ten_detectors_of_noise_cost_little() -> None:
    rng = np.random.default_rng(4)
    fitting, later, thieves = (rng.standard_normal((count, 11)) for count in (4_000, 20_000, 1_000))
    thieves[:, 0] += 4.5
    alone = power(Fusion.fit(fitting[:, :1]), later[:, :1], thieves[:, :1])
    assert alone >= 0.9
    assert power(Fusion.fit(fitting), later, thieves) >= alone - 0.3


def test_robust_scores_tell_thieves_among_the_honest_and_scores_do_not() -> None:
    honest = np.random.default_rng(5).standard_normal((1_000, 1))
    honest[:15] = 12.0
    fusion = Fusion.fit(honest)
    assert fusion.scores(np.array([[12.0]]))[0] < 2  # fifteen others are as strange
    assert fusion.robust_scores(np.array([[12.0]]))[0] > 10
    assert fusion.robust_scores(np.array([[np.quantile(honest, 0.98)]]))[0] < 4


def test_a_file_holds_all_of_it() -> None:
    honest = np.random.default_rng(6).standard_normal((50, 2))
    fusion = Fusion.fit(honest)
    np.testing.assert_array_equal(unpack(pack(fusion), Fusion, "a file").scores(honest), fusion.scores(honest))
