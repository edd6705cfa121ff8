"""Hashes of whole arrays of numbers. Not for secrets: a salt keeps callers from choosing what collides, no more."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

HashArray = npt.NDArray[np.int64]
"""Hashes from 0 up to 2^63 - 1."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
"""The constants of SplitMix64 (Steele, Lea and Flood 2014)."""
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_POSITIVE = np.uint64(0x7FFFFFFFFFFFFFFF)


def mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Each value scattered over all 64 bits (SplitMix64's last steps)."""
    values = values ^ (values >> _SHIFTS[0])  # a new array, which the rest works on in place
    values *= _FIRST
    values ^= values >> _SHIFTS[1]
    values *= _SECOND
    values ^= values >> _SHIFTS[2]
    return values


def row_hashes(columns: npt.NDArray[np.int64], salt: int = 0) -> HashArray:
    """A hash from 0 up for each row of whole numbers, shape (n, c) -> (n,); the same rows have the same hash."""
    scattered = _scattered(columns, salt & 0xFFFFFFFF)
    return (mixed(scattered.sum(axis=1, dtype=np.uint64)) & _POSITIVE).astype(np.int64)


def subset_hashes(columns: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_]) -> HashArray:
    """A hash from 0 up of each row's ``kept`` columns, shapes (n, c) and (subsets, c) -> (n, subsets).

    The same columns have another hash in each subset. Cheaper than ``row_hashes`` of each: every value is scattered once.
    """
    sums = _scattered(columns, 0) @ kept.T.astype(np.uint64)
    sums += _weights(len(kept), 0).added
    return (mixed(sums) & _POSITIVE).astype(np.int64)


class _Weights(NamedTuple):
    """What each column's values are multiplied by, odd, and what is added; shape (c,) both."""

    times: npt.NDArray[np.uint64]
    added: npt.NDArray[np.uint64]


@lru_cache(maxsize=256)
def _weights(columns: int, salt: int) -> _Weights:
    """Kept, since small batches would pay more for them than for their rows."""
    added = mixed(np.arange(1, columns + 1, dtype=np.uint64) * _GOLDEN + np.uint64(salt))
    times = added | np.uint64(1)
    for one in (times, added):
        one.flags.writeable = False
    return _Weights(times, added)


def _scattered(columns: npt.NDArray[np.int64], salt: int) -> npt.NDArray[np.uint64]:
    """Each value scattered in a way of its column's own, shape (n, c)."""
    weights = _weights(columns.shape[1], salt)
    values = columns.astype(np.uint64)
    values *= weights.times
    values += weights.added
    return mixed(values)
