"""Many dimensions made few: images and embeddings on their main axes, texts by their letters' fragments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.packing import packable

AXES = 24
"""Coordinates that are kept; larger: finer near-duplicates, slower, and more rows needed to fit."""
SEEN = 4_000
"""Rows that the axes are found with."""
GRAM = 4  # bytes of a text's fragment
BUCKETS = 4_096  # that fragments are hashed into
_MULTIPLIER = 2_654_435_761  # Knuth's multiplicative hash
_TEXT_SEED = 20_260_605


@packable
@dataclass(frozen=True, slots=True)
class Axes:
    """The main axes of honest rows: ``mean`` (d,), ``axes`` (d, AXES at most)."""

    mean: FloatArray
    axes: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, inputs: FloatArray, rng: np.random.Generator) -> Self:
        """The principal components of some of the rows, shape (n, d)."""
        some = np.nan_to_num(inputs[rng.permutation(len(inputs))[:SEEN]], nan=0.0, posinf=0.0, neginf=0.0)
        mean = some.mean(axis=0)
        _, _, axes = np.linalg.svd(some - mean, full_matrices=False)
        return cls(mean, axes[:AXES].T.astype(np.float32))

    def of(self, inputs: FloatArray) -> FloatArray:
        """The coordinates of each row, shape (n, AXES at most)."""
        plain = np.nan_to_num(inputs - self.mean, nan=0.0, posinf=0.0, neginf=0.0)
        return np.asarray(plain.astype(np.float32) @ self.axes, dtype=np.float64)


@packable
@dataclass(frozen=True, slots=True)
class Fragments:
    """Texts as weighted sums of fixed random directions, one a fragment of GRAM bytes; ``table`` is (BUCKETS, AXES)."""

    table: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, texts: tuple[str, ...]) -> Self:
        """Directions weighted by how rare a fragment is among honest texts."""
        seen = texts[:SEEN]
        holding = np.ones(BUCKETS)
        for text in seen:
            holding[np.unique(_grams(_bytes([text])[0]))] += 1
        rarity = np.log((len(seen) + 2) / holding)
        directions = np.random.default_rng(_TEXT_SEED).standard_normal((BUCKETS, AXES))
        return cls((rarity[:, None] * directions).astype(np.float32))

    def of(self, texts: tuple[str, ...]) -> FloatArray:
        """The coordinates of each text, shape (n, AXES), of length 1 unless the text is empty."""
        raw, ends = _bytes(texts)
        grams = _grams(raw)
        starts = np.r_[0, ends[:-1]]
        sums = (
            np.add.reduceat(self.table[grams], np.minimum(starts, len(grams) - 1), axis=0)
            if len(texts)
            else np.empty((0, AXES))
        )
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(lengths, 1e-12), dtype=np.float64)


def _bytes(texts: list[str] | tuple[str, ...]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """All texts as one run of bytes, each ended so that fragments do not reach over, and where each ends."""
    tail = b" " * GRAM
    raw = [text.lower().encode("utf-8", "replace") + tail for text in texts]
    return np.frombuffer(b"".join(raw), dtype=np.uint8), np.cumsum([len(one) for one in raw], dtype=np.int64)


def _grams(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The bucket of the fragment that begins at each byte; the last few bytes repeat the last whole fragment."""
    wide = raw.astype(np.uint64)
    padded = np.r_[wide, np.zeros(GRAM, dtype=np.uint64)]
    value = np.zeros(len(wide), dtype=np.uint64)
    for place in range(GRAM):
        value = value * np.uint64(257) + padded[place : place + len(wide)]
    return ((value * np.uint64(_MULTIPLIER) & np.uint64(0xFFFFFFFF)) % np.uint64(BUCKETS)).astype(np.int64)
