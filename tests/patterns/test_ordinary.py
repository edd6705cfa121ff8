"""Ordinary values: p-values of honest values are even, in groups of their own where these are large enough."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.patterns.ordinary import LEAST_GROUP, Ordinary


def test_honest_values_have_even_p_values_in_each_group() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat([0, 1], 2 * LEAST_GROUP)
    values = np.where(groups == 0, rng.normal(0, 1, len(groups)), rng.normal(50, 9, len(groups)))
    ordinary = Ordinary.fit(values, groups, 2)
    for group in (0, 1):
        own = ordinary.p_values(values, groups)[groups == group]
        for level in (0.01, 0.1, 0.5):
            # Levels between two of the kept ones count as the higher: never rarer than they are.
            assert 0.8 * level - 0.01 < np.mean(own <= level) < 1.1 * level + 0.005


@pytest.mark.parametrize("levels", [2, 5, 100])
def test_p_values_of_values_that_many_share_are_never_too_small(levels: int) -> None:
    rng = np.random.default_rng(levels)
    learned, fresh = rng.integers(0, levels, (2, 20_000)).astype(np.float64)
    none = np.zeros(len(fresh), dtype=np.int64)
    p_values = Ordinary.fit(learned, none, 1).p_values(fresh, none)
    for level in (0.005, 0.05, 0.5):
        assert np.mean(p_values <= level) <= 1.15 * level


def test_a_small_group_is_compared_with_all() -> None:
    values = np.r_[np.linspace(0, 1, 2 * LEAST_GROUP), 100.0]
    groups = np.r_[np.zeros(2 * LEAST_GROUP, dtype=np.int64), 1]
    p_values = Ordinary.fit(values, groups, 3).p_values(np.array([0.5, 0.5, np.nan]), np.array([1, 2, 0]))
    assert 0.4 < p_values[0] < 0.6
    assert p_values[0] == p_values[1]
    assert np.isnan(p_values[2])


def test_nothing_known_is_no_error() -> None:
    ordinary = Ordinary.fit(np.full(5, np.nan), np.zeros(5, dtype=np.int64), 1)
    assert np.isfinite(ordinary.p_values(np.array([1.0]), np.array([0]))).all()
