"""The ratio of two densities."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.density_ratio import DensityRatio


def _fitted(current: np.ndarray, past: np.ndarray) -> DensityRatio:
    rows = np.full(len(past), 4)
    return DensityRatio.fit(current, rows[: len(current)], past, rows, np.full(len(past), len(current) / len(past)))


def test_what_only_the_window_has_scores_higher() -> None:
    rng = np.random.default_rng(1)
    current = np.concatenate([rng.standard_normal((400, 3)), rng.normal([0, 3, 0], 1, (200, 3))])
    ratio = _fitted(current, rng.standard_normal((2_000, 3)))
    scores = ratio.scores(np.array([[0.0, 3.0, 0.0], [0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]), np.full(3, 4))
    assert scores[0] > scores[1] + 2
    assert scores[0] > scores[2] + 2


def test_it_sees_what_is_odd_only_together_with_something_else() -> None:
    rng = np.random.default_rng(2)
    # Customers who edit a field are high in both readings; the ring is high in the first alone.
    editors, ring = rng.normal([5, 5], 1, (100, 2)), rng.normal([5, 0], 1, (300, 2))
    past = np.concatenate([rng.standard_normal((2_000, 2)), editors])
    ratio = _fitted(np.concatenate([rng.standard_normal((600, 2)), editors[:30], ring]), past)
    scores = ratio.scores(np.array([[5.0, 0.0], [5.0, 5.0]]), np.full(2, 4))
    assert scores[0] > scores[1] + 1


def test_without_a_difference_it_says_next_to_nothing() -> None:
    rng = np.random.default_rng(3)
    ratio = _fitted(rng.standard_normal((600, 3)), rng.standard_normal((4_000, 3)))
    assert np.std(ratio.scores(rng.standard_normal((2_000, 3)), np.full(2_000, 4))) < 0.5
