"""Probabilities as normal scores, hashes as chances."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.normal import draws, name_keys, normal_scores


@given(st.floats(1e-8, 1 - 1e-8))
def test_scores_are_those_of_the_normal_distribution(p: float) -> None:
    assert abs(normal_scores(np.array([p]))[0] + NormalDist().inv_cdf(p)) < 1e-4


def test_scores_are_finite_at_the_ends_and_nan_stays_nan() -> None:
    scores = normal_scores(np.array([0.0, 0.5, 1.0, np.nan]))
    assert abs(scores[1]) < 1e-12
    assert 5.9 < scores[0] == -scores[2] < 6.1
    assert np.isnan(scores[3])


def test_chances_are_even_and_depend_on_name_and_purpose_alone() -> None:
    keys = name_keys(tuple(f"account {number}" for number in range(20_000)))
    first, second = draws(keys, 1), draws(keys, 2)
    assert np.array_equal(first, draws(keys, 1))
    assert np.array_equal(draws(keys[::-1], 1), first[::-1])
    for chance in (first, second):
        assert 0 < chance.min() < chance.max() < 1
        assert np.abs(np.histogram(chance, 10, (0, 1))[0] - 2_000).max() < 5 * np.sqrt(2_000)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
