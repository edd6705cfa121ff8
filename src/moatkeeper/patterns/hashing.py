"""Hashes of rows, whole arrays at once. Not for secrets: a salt keeps callers from choosing what collides, no more."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.mixing import HashArray as HashArray
from moatkeeper.sketch.mixing import mixed as mixed
from moatkeeper.sketch.mixing import row_hashes as row_hashes


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
