"""Wording: texts as bytes, words and phrases, found for a whole batch at once and in bounded work a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.hashing import mixed
from moatkeeper.patterns.phrases import CONCEPTS
from moatkeeper.patterns.spelling import Phrases, clean, eights, fours

HEAD, TAIL = 1_536, 512
"""Characters that are read at the two ends of a text; what lies between is passed over. Larger: slower, sees more."""
PASSAGE = 160
"""Bytes of half a passage; larger: concepts meet that stand farther apart, in long texts often by chance."""
_MOST_PASSAGES = 64  # of a text of the greatest length in bytes
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_SPACE = 32
_CJK_FIRST, _CJK_LAST = 0xE3, 0xED  # leading bytes of the scripts that set no spaces: each character is a word there
_LEADING = 0xC0  # bytes from here on begin a character, those from 0x80 up to it go on with one
_ASCII = 0x80
_CJK_BYTES = 3
_VALUES = np.arange(256, dtype=np.uint64)
_VALUES[_SPACE] = 0
_VALUES[ord("0") : ord("9") + 1] = ord("0")

_PHRASES = Phrases.of(CONCEPTS)


@dataclass(frozen=True, slots=True)
class Wording:
    """n texts in small letters, punctuation as spaces. Each text begins with a space and ends with several."""

    raw: npt.NDArray[np.uint8]  # (bytes,)
    starts: IntArray  # (n,): where each text begins in ``raw``
    sizes: IntArray  # (n,): the bytes of each text with its spaces
    fours: npt.NDArray[np.uint32]  # (bytes,): the four bytes from each byte on
    words: npt.NDArray[np.uint64]  # (w,): a hash of each word, scattered over all bits; all digits are alike
    first: IntArray  # (n,): the number of a text's first word
    counts: IntArray  # (n,): its words
    concepts: npt.NDArray[np.int64]  # (n,): which concepts of phrases.py it speaks of, a bit each
    passages: npt.NDArray[np.int64]  # (m,): the concepts of each passage that speaks of any; passages overlap by half
    within: IntArray  # (m,): the text that each passage is of

    @classmethod
    def of(cls, texts: tuple[str, ...]) -> Self:
        """The wording of each text. A text may be empty, hold lone surrogates, or be of any length."""
        pieces = [clean(text if len(text) <= HEAD + TAIL else f"{text[:HEAD]} {text[-TAIL:]}") for text in texts]
        raw = np.frombuffer(b"".join(pieces), dtype=np.uint8)
        sizes = np.fromiter((len(piece) for piece in pieces), dtype=np.int64, count=len(pieces))
        starts = np.cumsum(sizes) - sizes
        four = fours(raw)
        begins = _word_starts(raw)
        words = _word_hashes(raw, begins)
        first = np.searchsorted(begins, starts)
        counts = np.diff(np.r_[first, len(words)])
        return cls(raw, starts, sizes, four, words, first, counts, *_concepts(four, starts))

    def __len__(self) -> int:
        return len(self.starts)

    def owners(self) -> IntArray:
        """Which text each word is of, shape (w,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    def sums(self, of_words: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The sum over each text's words of one number a word, shape (w,) -> (n,)."""
        return np.bincount(self.owners(), weights=of_words, minlength=len(self)).astype(np.float64)

    def says(self, *concepts: str) -> npt.NDArray[np.bool_]:
        """Whether each text speaks of any of these concepts, shape (n,)."""
        return np.asarray((self.concepts & concept_bits(*concepts)) != 0)


def concept_bits(*concepts: str) -> int:
    """The bits of concepts; ``ValueError`` for one that is not in phrases.py."""
    return sum(1 << _PHRASES.concepts.index(concept) for concept in concepts)


def _word_starts(raw: npt.NDArray[np.uint8]) -> IntArray:
    """Where each word begins. The first byte of all is a space, so that a byte before exists."""
    if not len(raw):
        return np.empty(0, dtype=np.int64)
    inside = raw != _SPACE
    begins = inside.copy()
    begins[1:] &= ~inside[:-1]
    if raw.max() >= _CJK_FIRST:
        single = (raw >= _CJK_FIRST) & (raw <= _CJK_LAST)
        after = np.r_[np.zeros(_CJK_BYTES, dtype=bool), single[:-_CJK_BYTES]]
        begins |= single | (after & inside & ((raw >= _LEADING) | (raw < _ASCII)))
    return np.flatnonzero(begins)


def _word_hashes(raw: npt.NDArray[np.uint8], begins: IntArray) -> npt.NDArray[np.uint64]:
    """Polynomial hashes: a space adds nothing, so that a word may be summed to the next one's begin."""
    if not len(begins):
        return np.empty(0, dtype=np.uint64)
    inside = np.arange(len(raw), dtype=np.int64)
    ends = np.diff(np.r_[begins, len(raw)])
    inside[: begins[0]] = 0
    inside[begins[0] :] -= np.repeat(begins, ends)
    powers = np.multiply.accumulate(np.full(int(inside.max()) + 1, _PRIME, dtype=np.uint64))
    values = _VALUES[raw] * powers[inside]
    return mixed(np.add.reduceat(values, begins))


class _Concepts(NamedTuple):
    """Of texts, of passages, and the text of each passage."""

    texts: npt.NDArray[np.int64]
    passages: npt.NDArray[np.int64]
    within: IntArray


def _concepts(four: npt.NDArray[np.uint32], starts: IntArray) -> _Concepts:
    places, concepts = _PHRASES.find(four, eights(four))
    owners = np.searchsorted(starts, places, side="right") - 1
    texts = np.zeros(len(starts), dtype=np.int64)
    np.bitwise_or.at(texts, owners, concepts)
    halves = np.minimum((places - starts[owners]) // PASSAGE + 1, _MOST_PASSAGES - 1)
    keys = np.r_[owners * _MOST_PASSAGES + halves - 1, owners * _MOST_PASSAGES + halves]  # each half is of two passages
    known, slots = np.unique(keys, return_inverse=True)
    passages = np.zeros(len(known), dtype=np.int64)
    np.bitwise_or.at(passages, slots, np.r_[concepts, concepts])
    return _Concepts(texts, passages, known // _MOST_PASSAGES)
