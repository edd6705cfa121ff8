"""Ranks: p-values of honest numbers are honest, ties and small groups included."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.patterns.ranks import LEAST_GROUP, PROBABILITIES, Ranks


@pytest.mark.parametrize("levels", [3, 50, 1_000_000])
def test_p_values_of_honest_numbers_are_never_too_small(levels: int) -> None:
    rng = np.random.default_rng(levels)
    learned, fresh = rng.integers(0, levels, (2, 40_000)).astype(np.float64)
    none = np.zeros(len(fresh), dtype=np.int64)
    p_values = Ranks.fit(learned, none, 1).p_values(fresh, none)
    for level in (0.01, 0.05, 0.25):
        assert np.mean(p_values <= level) <= 1.15 * level


def test_groups_are_ranked_by_themselves_if_they_are_large() -> None:
    groups = np.repeat([0, 1, 2], [1_000, 1_000, LEAST_GROUP - 1])
    numbers = np.r_[np.linspace(0, 1, 1_000), np.linspace(10, 11, 1_000), np.full(LEAST_GROUP - 1, 100.0)]
    ranks = Ranks.fit(numbers, groups, 3)
    p_values = ranks.p_values(np.array([0.5, 9.0, 9.0, np.nan]), np.array([0, 1, 2, 0]))
    assert p_values[0] == pytest.approx(0.5, abs=0.1)
    assert p_values[1] == PROBABILITIES[0]  # the least of its group
    assert p_values[2] > 0.3  # of a small group: ranked among all
    assert np.isnan(p_values[3])
