"""Hashes of whole arrays of numbers. Not for secrets: a salt keeps callers from choosing what collides, no more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HashArray = npt.NDArray[np.int64]
"""Hashes from 0 up to 2^63 - 1."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
"""The constants of SplitMix64 (Steele, Lea and Flood 2014)."""
_POSITIVE = np.uint64(0x7FFFFFFFFFFFFFFF)


def mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Each value scattered over all 64 bits (SplitMix64's last steps)."""
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))


def row_hashes(columns: npt.NDArray[np.int64], salt: int = 0) -> HashArray:
    """A hash from 0 up for each row of whole numbers, shape (n, c) -> (n,); the same rows have the same hash."""
    weights = mixed(np.arange(1, columns.shape[1] + 1, dtype=np.uint64) * _GOLDEN + np.uint64(salt & 0xFFFFFFFF))
    scattered = mixed(columns.astype(np.uint64) * (weights | np.uint64(1)) + weights)
    return (mixed(scattered.sum(axis=1, dtype=np.uint64)) & _POSITIVE).astype(np.int64)


def subset_hashes(columns: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_]) -> HashArray:
    """A hash from 0 up of each row's ``kept`` columns, shapes (n, c) and (subsets, c) -> (n, subsets).

    The same columns have another hash in each subset. Cheaper than ``row_hashes`` of each: every value is scattered once.
    """
    weights = mixed(np.arange(1, columns.shape[1] + 1, dtype=np.uint64) * _GOLDEN)
    scattered = mixed(columns.astype(np.uint64).T * (weights | np.uint64(1))[:, None] + weights[:, None])
    every = scattered.sum(axis=0, dtype=np.uint64)
    sums = np.empty((len(columns), len(kept)), dtype=np.uint64)
    for place, one in enumerate(kept):  # whichever is shorter to add up: what is kept, or what is not
        few = 2 * np.count_nonzero(one) <= len(one)
        part = scattered[one if few else ~one].sum(axis=0, dtype=np.uint64)
        sums[:, place] = part if few else every - part
    return (mixed(sums + mixed(np.arange(1, len(kept) + 1, dtype=np.uint64))) & _POSITIVE).astype(np.int64)
