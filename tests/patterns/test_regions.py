"""Regions: near points share a cell, far ones do not, and every point has one."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.regions import Regions

CLUSTERS = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], dtype=np.float32)


def test_clusters_become_cells() -> None:
    rng = np.random.default_rng(1)
    owners = np.repeat(np.arange(3), 200)
    points = (CLUSTERS[owners] + rng.normal(0, 0.3, (600, 2))).astype(np.float32)
    cells = Regions.fit(points, 3, rng).of(points)
    pure = sum(np.bincount(cells[owners == cluster]).max() for cluster in range(3))
    assert pure > 0.6 * len(points)


def test_the_nearest_centre_is_the_cell() -> None:
    regions = Regions(CLUSTERS)
    assert regions.of(np.array([[1, 1], [8, 1], [1, 7]], dtype=np.float32)).tolist() == [0, 1, 2]
    assert regions.count == len(CLUSTERS)


def test_equal_points_make_one_cell() -> None:
    regions = Regions.fit(np.zeros((50, 3), dtype=np.float32), 8, np.random.default_rng(1))
    assert regions.count == 1
    assert regions.of(np.ones((2, 3), dtype=np.float32)).tolist() == [0, 0]
