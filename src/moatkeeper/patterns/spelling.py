"""Spelling: texts as plain bytes, and phrases found in them by the bytes that they begin with, in all places at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.hashing import mixed

PAD = 16
"""Spaces after each text: no fragment and no phrase reaches from one text into the next."""
LENGTHS = (6, 8, 12, 16)
"""Bytes of a phrase that are compared, the longest of these that it has: whatever follows is the same phrase (stems)."""
_ASCII = 0x80
_BITS = 16  # of the table that most places are ruled out by
_TABLE = np.uint64(64 - _BITS)
_SALTS = tuple(np.uint64(length * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) for length in LENGTHS)
_WIDE, _SIX = np.uint64(32), np.uint64(0xFFFFFFFFFFFF)
_SPREAD = np.uint64(0xD1342543DE82EF95)


def _byte_table() -> bytes:
    """Letters, digits and all bytes from 0x80 up stay; everything else is a space."""
    return bytes(byte if byte >= _ASCII or chr(byte).isalnum() else ord(" ") for byte in range(256))


_BYTES = _byte_table()


def clean(text: str) -> bytes:
    """A text in small letters, punctuation as spaces, with a space ahead and PAD of them behind."""
    return b" " + text.lower().encode("utf-8", "replace").translate(_BYTES) + b" " * PAD


def fours(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """The four bytes that begin at each byte, as one number; zeros past the end."""
    padded = np.zeros(len(raw) + 3, dtype=np.uint32)
    padded[: len(raw)] = raw
    n = len(raw)
    joined = padded[:n].copy()
    for place in (1, 2, 3):
        joined |= padded[place : place + n] << np.uint32(8 * place)
    return joined


def eights(four: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """The eight bytes that begin at each byte, from ``fours``."""
    later = np.zeros(len(four), dtype=np.uint64)
    later[: max(len(four) - 4, 0)] = four[4:]
    return four.astype(np.uint64) | later << _WIDE


class Found(NamedTuple):
    """Where phrases begin, shape (m,), and the bit of their concept."""

    places: IntArray
    concepts: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases by concept: ``keys`` ascend, ``bits`` are their concepts', ``table`` says which upper bits of keys occur."""

    concepts: tuple[str, ...]
    keys: npt.NDArray[np.uint64]
    bits: npt.NDArray[np.int64]
    table: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, concepts: Mapping[str, tuple[str, ...]]) -> Self:
        """From phrases; one of a script with spaces begins with a space, so that it is looked for at the begin of words.

        ``ValueError`` for a phrase that is shorter than the least length, or more concepts than an integer has bits.
        """
        names = tuple(concepts)
        if len(names) > 62:
            raise ValueError(f"found {len(names)} concepts, expected at most 62")
        bits: dict[int, int] = {}
        for number, name in enumerate(names):
            for phrase in concepts[name]:
                key = _key(phrase)
                bits[key] = bits.get(key, 0) | 1 << number
        keys = np.array(sorted(bits), dtype=np.uint64)
        table = np.zeros(1 << _BITS, dtype=bool)
        table[(keys >> _TABLE).astype(np.int64)] = True
        return cls(names, keys, np.array([bits[key] for key in sorted(bits)], dtype=np.int64), table)

    def find(self, four: npt.NDArray[np.uint32], eight: npt.NDArray[np.uint64]) -> Found:
        """Every phrase in a run of bytes; an overlap finds both."""
        places, concepts = [], []
        for length, salt in zip(LENGTHS, _SALTS, strict=True):
            keys = _keys(four, eight, length, salt)
            there = np.flatnonzero(self.table[keys >> _TABLE])
            slot = np.minimum(np.searchsorted(self.keys, keys[there]), len(self.keys) - 1)
            same = self.keys[slot] == keys[there]
            places.append(there[same])
            concepts.append(self.bits[slot[same]])
        return Found(np.concatenate(places), np.concatenate(concepts))


def _keys(four: npt.NDArray[np.uint32], eight: npt.NDArray[np.uint64], length: int, salt: np.uint64) -> npt.NDArray[np.uint64]:
    """A scattered number for the bytes of this length that begin at each byte; one to one up to eight bytes."""
    if length == LENGTHS[0]:
        value = eight & _SIX
    elif length == LENGTHS[1]:
        value = eight
    else:
        more = four if length == LENGTHS[2] else eight
        later = np.zeros(len(four), dtype=np.uint64)
        later[: max(len(four) - LENGTHS[1], 0)] = more[LENGTHS[1] :]
        value = eight ^ mixed(later)
    return (value + salt) * _SPREAD


def _key(phrase: str) -> int:
    ahead = phrase.startswith(" ")
    spelled = clean(phrase.strip()).rstrip()[0 if ahead else 1 :] + (b" " if phrase.endswith(" ") else b"")
    length = max((length for length in LENGTHS if length <= len(spelled)), default=0)
    if not length:
        raise ValueError(f"found the phrase {phrase!r}, expected at least {LENGTHS[0]} bytes")
    raw = np.frombuffer(spelled[:length], dtype=np.uint8)
    four = fours(raw)
    return int(_keys(four, eights(four), length, _SALTS[LENGTHS.index(length)])[0])
