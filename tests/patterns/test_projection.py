"""Projections: axes keep what distinguishes honest rows, and no number breaks them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.projection import AXES, Axes

DIMENSIONS = 100


def rows(count: int, seed: int) -> np.ndarray:
    """Rows that differ in three directions only, but for a little noise."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(size=(count, 3)) @ np.eye(3, DIMENSIONS) * 5 + rng.normal(0, 0.01, (count, DIMENSIONS)))


def test_distances_between_honest_rows_are_kept() -> None:
    axes = Axes.fit(rows(300, 1), np.random.default_rng(0))
    fresh = rows(50, 2)
    before = np.linalg.norm(fresh[:25] - fresh[25:], axis=1)
    after = np.linalg.norm(axes.of(fresh)[:25] - axes.of(fresh)[25:], axis=1)
    assert axes.of(fresh).shape == (50, AXES)
    np.testing.assert_allclose(after, before, rtol=0.02)


@given(st.floats(), st.integers(0, DIMENSIONS - 1))
def test_any_number_has_finite_coordinates(number: float, column: int) -> None:
    axes = Axes.fit(rows(300, 1), np.random.default_rng(0))
    fresh = rows(3, 3)
    fresh[1, column] = number
    assert np.isfinite(axes.of(fresh)).all()


def test_honest_rows_with_broken_numbers_can_be_learned_from() -> None:
    broken = rows(300, 4)
    broken[::7, 3], broken[1::7, 5], broken[2::7, 9] = np.nan, np.inf, 1e300
    assert np.isfinite(Axes.fit(broken, np.random.default_rng(0)).of(broken)).all()
