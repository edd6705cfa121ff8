"""Parts of rows: the same part in two rows says that they are variations of each other.

A part is a choice of coordinates, or a cell of them (cells.py). For each row of an account, the others that share its part are
counted without holding any: different rows, however often each was sent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.hashing import HashArray, mixed
from moatkeeper.sketch.base import State
from moatkeeper.sketch.bits import BYTE, Bits
from moatkeeper.sketch.mixing import subset_hashes

Parts = npt.NDArray[np.bool_]
"""Shape (parts, c): the coordinates that each part holds."""
FINEST = 2.0**-12
"""Deviations of a column below which two numbers are the same one: rounding of projected inputs must not tell them apart."""
BUCKETS = 48
"""That rows are counted in for each part; larger: less noise in the number of mates, more memory."""
SLOTS = 32
"""Bits of a bucket; larger: buckets are full later (these with about 3,000 different rows an account), more memory."""
DECIMALS = 6
"""Of a number of mates: what lies behind is the rounding of sums."""
_DIFFERENT = -SLOTS * np.log(np.maximum(SLOTS - np.arange(SLOTS + 1), 0.5) / SLOTS)
"""Linear counting, by bits that are set; of a full bucket, half a bit is taken to be free."""


def all_but_groups(width: int, count: int, seed: int) -> Parts:
    """All coordinates but those of one group, for at most ``count`` groups of about the same size."""
    group = np.random.default_rng(seed).permutation(width) % max(1, min(count, width))
    parts: Parts = np.arange(group.max(initial=0) + 1)[:, None] != group
    return parts


def exact_hashes(points: npt.NDArray[np.float32], parts: Parts) -> HashArray:
    """The hash of each part as it is, (n, parts)."""
    return subset_hashes(np.rint(points / np.float32(FINEST)).astype(np.int64), parts)


def places(hashes: HashArray, exact: HashArray) -> IntArray:
    """Where a row of the hash ``exact`` (n,) is noted for each of its parts' ``hashes`` (n, parts), in maps of ``noted``."""
    slot = (mixed(exact.astype(np.uint64)) % np.uint64(SLOTS)).astype(np.int64)
    return hashes % BUCKETS * SLOTS + slot[:, None]


def noted(parts: int) -> Bits:
    """Bitmaps for so many parts: in each, BUCKETS buckets of SLOTS bits, where a row sets one bit however often it comes."""
    return Bits(parts, BUCKETS * SLOTS)


def different(state: State) -> FloatArray:
    """The different rows in each bucket, states of ``noted`` -> (accounts, parts, BUCKETS)."""
    slots = state.reshape(*state.shape[:2], BUCKETS, SLOTS // BYTE)
    return np.asarray(_DIFFERENT[np.bitwise_count(slots).sum(axis=3)], dtype=np.float64)


def mates(state: State) -> FloatArray:
    """How many other different rows share a row's part, on average: states of ``noted`` -> (accounts, parts).

    The sum of squares of Alon, Matias and Szegedy 1996 over the buckets' different rows, with their mean taken off in place of
    random signs: unbiased over hashes, with a standard deviation of sqrt(2 / BUCKETS) per mate and row. 0 without rows.
    """
    found = different(state)
    rows = found.sum(axis=2)
    squares = found.var(axis=2) * BUCKETS * BUCKETS / (BUCKETS - 1)
    return np.asarray(np.where(rows > 0, np.round(squares / np.maximum(rows, 1) - 1, DECIMALS), 0.0), dtype=np.float64)


def mates_between(first: State, second: State) -> FloatArray:
    """How many rows of the other kind share a row's part, on average over both kinds, (accounts, parts); 0 without rows."""
    one, other = different(first), different(second)
    rows = one.sum(axis=2) + other.sum(axis=2)
    products = (one - one.mean(axis=2, keepdims=True)) * (other - other.mean(axis=2, keepdims=True))
    shared = 2 * products.sum(axis=2) * BUCKETS / (BUCKETS - 1) / np.maximum(rows, 1)
    return np.asarray(np.round(shared, DECIMALS), dtype=np.float64)
