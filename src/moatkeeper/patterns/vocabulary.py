"""Vocabulary: how many honest accounts use a word, or a pair of words, so that what nobody else says can be told.

An honest account's own rows are compared with the other accounts' words only, as a newcomer's rows are: otherwise honest
rows would look more ordinary than the next customer's, and the next customer would be taken for a thief.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.wording import Wording

BUCKETS = 1 << 16
"""That words are hashed into; larger: fewer words are taken for another, more memory."""
_SHIFT = np.uint64(64 - 16)
_TURN = np.uint64(0x9FB21C651E98DF25)  # makes a pair's hash depend on its order
_HALF = 0.5  # added to each count: what nobody says is rare, not impossible


@packable
@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The honest accounts of each bucket, shape (BUCKETS,), of ``accounts`` in all; pairs of neighbours if ``paired``."""

    holders: npt.NDArray[np.int32]
    accounts: int
    paired: bool

    @classmethod
    def fit(cls, wording: Wording, accounts: IntArray, paired: bool) -> Self:
        """From honest rows of ``accounts``, shape (n,)."""
        _, numbers = np.unique(accounts, return_inverse=True)
        units, owners = _units(wording, paired)
        seen = np.unique(numbers[owners] * BUCKETS + units) % BUCKETS
        count = int(numbers.max()) + 1 if len(numbers) else 0
        return cls(np.bincount(seen, minlength=BUCKETS).astype(np.int32), count, paired)

    def typicality(self, wording: Wording, own: int) -> FloatArray:
        """The mean logarithm of the share of accounts who say a text's words, shape (n,), at most 0; NaN without a word.

        ``own`` is 1 for rows that the vocabulary was learned from, and 0 for others.
        """
        units, owners = _units(wording, self.paired)
        known = np.log((np.arange(self.accounts + 2) - own + _HALF).clip(_HALF) / (self.accounts - own + 1))
        sums = np.bincount(owners, weights=known[self.holders[units]], minlength=len(wording))
        counts = np.bincount(owners, minlength=len(wording))
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _units(wording: Wording, paired: bool) -> tuple[IntArray, IntArray]:
    """The bucket of each word or pair, and the text it is of."""
    owners, words = wording.owners(), wording.words
    if paired:
        same = owners[1:] == owners[:-1] if len(owners) else np.empty(0, dtype=bool)
        words = (words[:-1] * _TURN + words[1:])[same] * _TURN
        owners = owners[:-1][same]
    return buckets(words), owners


def buckets(words: npt.NDArray[np.uint64]) -> IntArray:
    """The bucket of each word."""
    return (words >> _SHIFT).astype(np.int64)
