"""Collocations: how much more often words follow each other than their frequencies alone would have it.

The logarithm of that ratio is the pointwise mutual information (Church and Hanks 1990). It is smoothed, so that rare words say
nothing: what counts is that two frequent words never met, or that two rare ones did. Like vocabulary.py, honest rows are read
by what others wrote: accounts are dealt into parts, and a part's own words are taken out of the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.wording import Wording

WORDS, PAIRS = 1 << 16, 1 << 18
"""Buckets that words and pairs are hashed into; larger: fewer are taken for another, more memory."""
MOST = 400_000
"""Words that are learned from: with more, pairs would crowd their buckets."""
PARTS = 8  # that accounts are dealt into; larger: rows are read with more of the counts, slower to fit
SMOOTHING = 0.5  # meetings added to those seen and those expected; larger: rare words say less
_WORD_SHIFT, _PAIR_SHIFT = np.uint64(64 - 16), np.uint64(64 - 18)
_TURN = np.uint64(0x9FB21C651E98DF25)  # makes a pair's hash depend on its order


class _Pairs(NamedTuple):
    """Neighbours: the buckets of both words and of the pair, and the text that they are of, shape (p,) each."""

    first: IntArray
    second: IntArray
    both: IntArray
    owners: IntArray


@packable
@dataclass(frozen=True, slots=True)
class Collocations:
    """How often honest texts say the words and pairs of each bucket, and how many words they have in all."""

    words: npt.NDArray[np.int32]  # (WORDS,)
    pairs: npt.NDArray[np.int32]  # (PAIRS,)
    total: int

    @classmethod
    def fit(cls, wording: Wording, rows: npt.NDArray[np.bool_]) -> Self:
        """From the chosen rows, up to MOST words."""
        owners = wording.owners()
        kept = np.flatnonzero(rows[owners])[:MOST]
        buckets = (wording.words[kept] >> _WORD_SHIFT).astype(np.int64)
        found = _pairs(wording)
        last = int(owners[kept[-1]]) if len(kept) else -1
        both = found.both[rows[found.owners] & (found.owners <= last)]
        words = np.bincount(buckets, minlength=WORDS).astype(np.int32)
        return cls(words, np.bincount(both, minlength=PAIRS).astype(np.int32), len(kept))

    def cohesion(self, wording: Wording) -> FloatArray:
        """The mean information of a text's neighbours about each other, shape (n,): about 0 by chance; NaN for single words."""
        found = _pairs(wording)
        expected = self.words[found.first].astype(np.float64) * self.words[found.second] / max(self.total, 1)
        information = np.log((self.pairs[found.both] + SMOOTHING) / (expected + SMOOTHING))
        counts = np.bincount(found.owners, minlength=len(wording))
        sums = np.bincount(found.owners, weights=information, minlength=len(wording))
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def honest_cohesion(wording: Wording, accounts: IntArray) -> FloatArray:
    """The cohesion of honest rows by what the accounts of the other parts wrote, shape (n,)."""
    _, numbers = np.unique(accounts, return_inverse=True)
    parts = numbers % PARTS
    cohesion = np.full(len(wording), np.nan)
    for part in np.unique(parts).tolist():
        own = parts == part
        cohesion[own] = Collocations.fit(wording, ~own).cohesion(wording)[own]
    return cohesion


def _pairs(wording: Wording) -> _Pairs:
    owners = wording.owners()
    same = np.flatnonzero(owners[1:] == owners[:-1])
    first, second = wording.words[same], wording.words[same + 1]
    both = (first * _TURN + second) * _TURN
    return _Pairs(
        (first >> _WORD_SHIFT).astype(np.int64),
        (second >> _WORD_SHIFT).astype(np.int64),
        (both >> _PAIR_SHIFT).astype(np.int64),
        owners[same],
    )
