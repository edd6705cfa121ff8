from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.adaptive.routes import Anybody, Regions, Topics


def blobs(seed: int) -> tuple[FloatArray, np.ndarray]:
    rng = np.random.default_rng(seed)
    kinds = rng.integers(4, size=400)
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    return centres[kinds] + rng.normal(size=(400, 2)), kinds


def test_round_robin_binds_nobody() -> None:
    assert Anybody()(np.zeros((3, 2))).tolist() == [-1, -1, -1]


def test_a_topic_is_a_cluster() -> None:
    pool, _ = blobs(0)
    rows, kinds = blobs(1)
    topics = Topics(pool, 12, np.random.default_rng(0))(rows)
    for topic in np.unique(topics):
        counts = np.bincount(kinds[topics == topic])
        assert counts.max() > 0.9 * counts.sum()


def test_a_region_is_a_box_and_holds_its_share_of_the_pool() -> None:
    pool, _ = blobs(0)
    regions = Regions(pool, 8)(pool)
    assert np.bincount(regions, minlength=8).min() >= 40
    for region in range(8):
        lowest, highest = pool[regions == region].min(axis=0), pool[regions == region].max(axis=0)
        inside = ((pool > lowest) & (pool < highest)).all(axis=1)
        assert (regions[inside] == region).all()


@pytest.mark.parametrize("accounts", [1, 2, 3, 7, 1_000])
def test_every_row_has_an_account_that_exists(accounts: int) -> None:
    pool, _ = blobs(0)
    rows, _ = blobs(1)
    for route in (Topics(pool, accounts, np.random.default_rng(0)), Regions(pool, accounts)):
        named = route(rows)
        assert named.shape == (400,)
        assert 0 <= named.min() <= named.max() < accounts
        assert route(rows[:0]).shape == (0,)
