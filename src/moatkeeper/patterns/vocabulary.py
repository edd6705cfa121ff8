"""Vocabulary: how many honest accounts use a word, so that what nobody else says can be told.

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
COMMON, LEAST_COMMON = 0.05, 2
"""A word that this share of the other accounts says, and at least so many of them, is as good as any.

Larger: differences between common words count, too, in which honest customers differ most.
"""
_SHIFT = np.uint64(64 - 16)
_HALF = 0.5  # added to each count: what nobody says is rare, not impossible


@packable
@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The honest accounts that say the words of each bucket, shape (BUCKETS,), of ``accounts`` in all."""

    holders: npt.NDArray[np.int32]
    accounts: int

    @classmethod
    def fit(cls, wording: Wording, accounts: IntArray) -> Self:
        """From honest rows of ``accounts``, shape (n,)."""
        _, numbers = np.unique(accounts, return_inverse=True)
        seen = np.unique(numbers[wording.owners()] * BUCKETS + _buckets(wording)) % BUCKETS
        count = int(numbers.max()) + 1 if len(numbers) else 0
        return cls(np.bincount(seen, minlength=BUCKETS).astype(np.int32), count)

    def typicality(self, wording: Wording, own: int) -> FloatArray:
        """How common a text's words are, shape (n,): a mean logarithm, 0 if all are common; NaN without a word.

        ``own`` is 1 for rows that the vocabulary was learned from, and 0 for others.
        """
        common = max(LEAST_COMMON, COMMON * self.accounts)
        others = np.clip(np.arange(self.accounts + 1) - own, 0, common)
        known = np.log((others + _HALF) / (common + _HALF))
        sums = wording.sums(known[self.holders[_buckets(wording)]])
        return np.where(wording.counts > 0, sums / np.maximum(wording.counts, 1), np.nan)


def _buckets(wording: Wording) -> IntArray:
    return (wording.words >> _SHIFT).astype(np.int64)
