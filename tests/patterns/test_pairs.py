"""Pairs: what goes together in honest rows scores high, what never does scores low."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.columns import LEVELS, MISSING, UNSEEN
from moatkeeper.patterns.pairs import MOST_PAIRS, Pairs

COUNT = 4_000


def dependent() -> np.ndarray:
    """Two columns that are nearly equal, and a third that has nothing to do with them."""
    rng = np.random.default_rng(1)
    first = rng.integers(0, 8, COUNT)
    second = np.where(rng.random(COUNT) < 0.9, first, rng.integers(0, 8, COUNT))
    return np.stack([first, second, rng.integers(0, 8, COUNT)], axis=1).astype(np.int16)


def test_equal_columns_go_together() -> None:
    pairs = Pairs.fit(dependent(), LEVELS)
    assert pairs.pairs[0].tolist() == [0, 1]
    good, bad, unseen, missing = pairs.scores(np.array([[3, 3, 0], [3, 6, 0], [UNSEEN, 3, 0], [MISSING] * 3], dtype=np.int16))
    assert good > 0 > bad
    assert np.isfinite([unseen, missing]).all()


def test_shuffled_columns_score_lower() -> None:
    codes = dependent()
    pairs = Pairs.fit(codes, LEVELS)
    rng = np.random.default_rng(2)
    shuffled = np.stack([rng.permutation(column) for column in codes.T], axis=1)
    assert pairs.scores(codes).mean() > pairs.scores(shuffled).mean() + 0.1


def test_many_columns_and_values_stay_bounded() -> None:
    codes = np.random.default_rng(3).integers(0, 64, (500, 20)).astype(np.int16)
    pairs = Pairs.fit(codes, LEVELS)
    assert len(pairs.pairs) == MOST_PAIRS
    assert np.isfinite(pairs.scores(codes)).all()
