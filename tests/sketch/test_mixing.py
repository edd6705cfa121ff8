"""Hashes of whole arrays."""

from __future__ import annotations

import numpy as np

from moatkeeper.sketch.mixing import mixed, row_hashes, subset_hashes

SPLITMIX_OF_ONE_STEP = 0xE220A8397B1DCDAF
"""The first number of SplitMix64 with seed 0, as published with its reference code."""


def test_mixing_is_that_of_splitmix() -> None:
    assert int(mixed(np.array([0x9E3779B97F4A7C15], dtype=np.uint64))[0]) == SPLITMIX_OF_ONE_STEP


def test_rows_are_told_apart_by_values_places_and_salt() -> None:
    rows = np.array([[1, 2], [2, 1], [1, 2], [1, 3]])
    hashes = row_hashes(rows)
    assert hashes[0] == hashes[2]
    assert len(set(hashes.tolist())) == 3
    assert (hashes >= 0).all()
    assert not set(hashes.tolist()) & set(row_hashes(rows, salt=1).tolist())


def test_half_of_the_bits_differ_between_neighbours() -> None:
    hashes = row_hashes(np.arange(4_000)[:, None])
    flipped = np.bitwise_count(hashes[1:] ^ hashes[:-1])
    assert abs(flipped.mean() - 63 / 2) < 0.5


def test_subsets_are_told_apart_and_see_only_their_columns() -> None:
    kept = np.array([[True, False, True], [True, False, True], [False, True, False]])
    rows = np.array([[1, 2, 3], [1, 9, 3], [3, 2, 1], [1, 2, 4]])
    hashes = subset_hashes(rows, kept)
    assert hashes.shape == (4, 3)
    assert (hashes[0] == hashes[1]).tolist() == [True, True, False]
    assert (hashes[0] == hashes[2]).tolist() == [False, False, True]
    assert hashes[0, 0] != hashes[0, 1]
    assert (hashes >= 0).all()


def test_hashes_of_subsets_do_not_collide_by_chance() -> None:
    rows = np.stack(np.meshgrid(*[np.arange(16)] * 4), axis=-1).reshape(-1, 4)
    hashes = subset_hashes(rows, np.ones((2, 4), dtype=bool))
    assert len(np.unique(hashes)) == hashes.size
