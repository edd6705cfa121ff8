"""Hashes of rows, whole arrays at once. Not for secrets: a salt keeps callers from choosing what collides, no more."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

HashArray = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
"""The constants of SplitMix64 (Steele, Lea and Flood 2014)."""
_POSITIVE = np.uint64(0x7FFFFFFFFFFFFFFF)


def mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Each value scattered over all 64 bits (SplitMix64's last steps)."""
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))


def scattered(columns: npt.NDArray[np.int64], salt: int = 0) -> npt.NDArray[np.uint64]:
    """Each whole number of (n, c) scattered, every column in its own way: sums of them are hashes of parts of rows."""
    weights = mixed(np.arange(1, columns.shape[1] + 1, dtype=np.uint64) * _GOLDEN + np.uint64(salt & 0xFFFFFFFF))
    return mixed(columns.astype(np.uint64) * (weights | np.uint64(1)) + weights)


def sum_hashes(sums: npt.NDArray[np.uint64]) -> HashArray:
    """A hash from 0 up for each sum of scattered numbers, of the same shape."""
    return (mixed(sums) & _POSITIVE).astype(np.int64)


def row_hashes(columns: npt.NDArray[np.int64], salt: int = 0) -> HashArray:
    """A hash from 0 up for each row of whole numbers, shape (n, c) -> (n,); the same rows have the same hash."""
    return sum_hashes(scattered(columns, salt).sum(axis=1, dtype=np.uint64))


def number_hashes(numbers: npt.NDArray[np.float64], salt: int = 0) -> HashArray:
    """A hash from 0 up for each row of floats, shape (n, d) -> (n,). All NaN are one, and so are both zeros."""
    plain = np.where(np.isnan(numbers), np.nan, numbers) + 0.0
    return row_hashes(np.ascontiguousarray(plain).view(np.int64), salt)


def text_hashes(texts: tuple[str, ...], salt: int = 0) -> HashArray:
    """A hash from 0 up for each text, shape (n,)."""
    raw = [text.encode("utf-8", "surrogatepass") for text in texts]
    first = np.fromiter((zlib.crc32(one, salt & 0xFFFFFFFF) for one in raw), dtype=np.int64, count=len(raw))
    second = np.fromiter((zlib.adler32(one) for one in raw), dtype=np.int64, count=len(raw))
    return row_hashes(np.stack([first, second], axis=1), salt)


def category_number(text: str) -> float:
    """The number that stands for a category: whole, above every count, below 2^53, the same everywhere."""
    raw = text.encode("utf-8", "surrogatepass")
    return float((1 << 51) + (zlib.crc32(raw) << 18) + (zlib.adler32(raw) & 0x3FFFF))
