"""How much two sets have in common, from a small signature of each: MinHash with a single permutation.

Broder 1997; the single permutation is Li, Owen and Zhang 2012: each item falls into one of ``width`` places and the largest of
its kind stays there, so an item costs one hash however wide the signature is. Places that both leave empty are not counted,
which keeps the estimate of the Jaccard similarity unbiased (their lemma 1). Kept in Largest, the signature of a union is the
merge.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.mixing import mixed

SignatureArray = npt.NDArray[np.uint32]
"""Shape (n, width): marks for Largest(width). 0 is an empty place."""

FRAGMENT = 8
"""Bytes of a text that are one item: a word and a half; shorter fragments are shared by texts that say different things."""
_CHUNK = 1 << 20  # bytes of text looked at together: bounds the memory


def signatures(items: npt.NDArray[np.uint64], owners: npt.NDArray[np.int64], sets: int, width: int) -> SignatureArray:
    """The signature of each of ``sets`` sets, shape (sets, width), from hashes of items and the set of each; all of shape (n,).

    ``width`` is a power of two. The estimate's standard error is sqrt(J (1 - J) / width) at most.
    """
    made = np.zeros(sets * width, dtype=np.uint32)
    scattered = mixed(items)
    place = (scattered & np.uint64(width - 1)).astype(np.int64)
    value = (scattered >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
    np.maximum.at(made, owners * width + place, value)
    return made.reshape(sets, width)


def text_signatures(texts: Sequence[str], width: int, salt: int = 0) -> SignatureArray:
    """The signature of each text's fragments, shape (n, width), case ignored; all 0 for an empty text."""
    raw = [text.lower().encode("utf-8", "replace") for text in texts]
    lengths = np.fromiter((len(one) for one in raw), dtype=np.int64, count=len(raw))
    made = np.empty((len(raw), width), dtype=np.uint32)
    ends = np.cumsum(lengths)
    start = 0
    while start < len(raw):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _CHUNK)))
        made[start:stop] = _signatures_of(raw[start:stop], lengths[start:stop], width, salt)
        start = stop
    return made


def resemblance(first: SignatureArray, second: SignatureArray) -> npt.NDArray[np.float64]:
    """The estimated Jaccard similarity of sets, in [0, 1], shape (n,); NaN where both are empty."""
    used = (first > 0) | (second > 0)
    same = (first == second) & used
    count = used.sum(axis=-1)
    return np.where(count > 0, same.sum(axis=-1) / np.maximum(count, 1), np.nan)


def _signatures_of(raw: Sequence[bytes], lengths: npt.NDArray[np.int64], width: int, salt: int) -> SignatureArray:
    """The signatures of a few texts: as many fragments as bytes, the last ones filled up."""
    tail = b"\x00" * (FRAGMENT - 1)
    joined = np.frombuffer(tail.join(raw) + tail, dtype=np.uint8)
    words = joined.astype(np.uint64)
    for reach in (1, 2, 4):  # each round doubles how many bytes a word holds, up to FRAGMENT
        words = words[:-reach] | (words[reach:] << np.uint64(8 * reach))
    owners = np.repeat(np.arange(len(raw)), lengths)
    begins = np.arange(len(owners)) + owners * (FRAGMENT - 1)
    return signatures(words[begins] ^ mixed(np.array([salt], dtype=np.uint64)), owners, len(raw), width)
