"""Parts of rows: the same part in two rows says that they are variations of each other.

A part is a choice of coordinates. It is hashed as it is (two rows that have the very same numbers there) or coarsely (two rows
that are beside each other there).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.hashing import HashArray, scattered, sum_hashes
from moatkeeper.patterns.rows import CodeArray

Parts = npt.NDArray[np.bool_]
"""Shape (parts, c): the coordinates that each part holds."""
FINEST = 2.0**-12
"""Deviations of a column below which two numbers are the same one: rounding of projected inputs must not tell them apart."""
BUCKETS = 48
"""That rows are counted in for each part; larger: less noise in the number of mates, more memory."""


def halves(width: int, count: int, seed: int) -> Parts:
    """Random halves of so many coordinates, at least one each."""
    rng = np.random.default_rng(seed)
    parts = np.zeros((count, width), dtype=bool)
    for part in parts:
        part[rng.permutation(width)[: max(1, width // 2)]] = True
    return parts


def all_but_groups(width: int, count: int, seed: int) -> Parts:
    """All coordinates but those of one group, for at most ``count`` groups of about the same size."""
    group = np.random.default_rng(seed).permutation(width) % max(1, min(count, width))
    return np.arange(group.max(initial=0) + 1)[:, None] != group


def exact_hashes(points: npt.NDArray[np.float32], parts: Parts) -> HashArray:
    """The hash of each part as it is, (n, parts)."""
    return _hashes(np.rint(points / np.float32(FINEST)).astype(np.int64), parts)


def coarse_hashes(codes: CodeArray, parts: Parts) -> HashArray:
    """The hash of each part's codes, (n, parts)."""
    return _hashes(codes.astype(np.int64), parts)


def _hashes(numbers: IntArray, parts: Parts) -> HashArray:
    columns = np.ascontiguousarray(scattered(numbers).T)  # whole columns are added many times faster than rows
    sums = np.empty((len(parts), len(numbers)), dtype=np.uint64)
    every = columns.sum(axis=0, dtype=np.uint64)
    for number, part in enumerate(parts):
        if 2 * np.count_nonzero(part) > len(part):
            np.subtract(every, columns[~part].sum(axis=0, dtype=np.uint64), out=sums[number])
        else:
            np.sum(columns[part], axis=0, dtype=np.uint64, out=sums[number])
    return sum_hashes(sums + np.arange(len(parts), dtype=np.uint64)[:, None]).T


def buckets(hashes: HashArray) -> IntArray:
    """Where each hash of (n, parts) is counted: BUCKETS places for the first part, then those of the second, ..."""
    return hashes % BUCKETS + BUCKETS * np.arange(hashes.shape[1])


def mates(tallies: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """How many other rows share a row's part, on average: (accounts, parts * BUCKETS) -> (accounts, parts).

    The sum of squares of Alon, Matias and Szegedy 1996, from plain counts with their mean taken off in place of signs: unbiased
    over hashes, with a standard deviation of sqrt(2 / BUCKETS) per mate and row. 0 without rows.
    """
    found = tallies.reshape(len(tallies), -1, BUCKETS).astype(np.float64)
    rows = found.sum(axis=2)
    squares = found.var(axis=2) * BUCKETS * BUCKETS / (BUCKETS - 1)
    return np.asarray(np.where(rows > 0, squares / np.maximum(rows, 1) - 1, 0.0), dtype=np.float64)
