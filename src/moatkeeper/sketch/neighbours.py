"""One index of what anybody asked: near-duplicates are found however many owners they are dealt to.

A row comes as a few locality-sensitive hashes, one a table (locality.py): rows that are alike share some of them, others share
none. Two rows are near-duplicates when they share ``least`` tables or more. In a fixed number of bytes the index remembers of
each bucket (a table and a hash) the last row of each of the last few owners, and how many rows and owners there were before
them. It needs no account's history, and keeps no input.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.errors import StoreError
from moatkeeper.sketch.base import Owners
from moatkeeper.sketch.mixing import HashArray, mixed
from moatkeeper.sketch.neighbours_batch import Entries, Met, Names, Pairs, counted, meet_each_other

WAYS = 8
"""Entries of a line; the oldest makes way. A bucket lies in one line, so it names so many owners at most."""
FEWEST_LINES = 64
MOST_COUNTED = 65_535
"""Rows and owners of one bucket are counted up to here."""
MOST_ROWS = 1 << 12
"""Rows looked up at once: beyond it the arrays leave the processor's cache."""
MOST_TABLES = 64
NUMBERS = 1 << 32  # rows are numbered up to it, then from 0 again

MAGIC = b"MKN"
VERSION = 1
_HEAD = struct.Struct("<3sBI")
_FORM = struct.Struct("<IIQQQ")
_HINT = "delete it: the index fills again with what is asked from now on"
_HALF = np.uint64(32)


class Neighbours:
    """The index, filled by one hand.

    ``tables``: hashes a row, MOST_TABLES at most.
    ``rows``: after so many more about half of a row's buckets are still held; larger: longer memory, 16 bytes a row and table.
    ``least``: tables that near-duplicates share; larger: fewer false matches, fewer true ones.
    ``salt``: a secret, without which nobody can choose rows that meet.
    """

    def __init__(self, tables: int, rows: int, least: int, salt: int) -> None:
        if not 0 < least <= tables <= MOST_TABLES:
            raise ValueError(f"found {least} of {tables} tables, expected from 1 up to all of at most {MOST_TABLES}")
        lines = max(FEWEST_LINES, 1 << (max(1, rows * tables // WAYS) - 1).bit_length())
        self._begin(tables, lines, least, salt)

    def _begin(self, tables: int, lines: int, least: int, salt: int) -> None:
        self.tables, self.least, self.taken = tables, least, 0
        self._salts = mixed(np.arange(1, tables + 1, dtype=np.uint64) + mixed(np.array([salt], dtype=np.uint64)))
        self._tags = np.zeros((lines, WAYS), dtype=np.uint32)  # 0: free
        self._last = np.zeros(lines * WAYS, dtype=np.uint64)  # short name of an owner, and the number of its last row
        self._counts = np.zeros(lines * WAYS, dtype=np.uint32)  # rows and owners of the bucket so far, 16 bits each
        self._next = np.zeros(lines, dtype=np.uint8)  # the way that is filled next

    @property
    def nbytes(self) -> int:
        """Bytes of memory, whatever was taken in."""
        return self._tags.nbytes + self._last.nbytes + self._counts.nbytes + self._next.nbytes

    @staticmethod
    def short_names(owners: Owners) -> Names:
        """What ``Met.nearest`` calls owners: 31 bits and never 0, so that of a million owners a few hundred pairs share one."""
        return (mixed(owners.astype(np.uint64)) >> _HALF).astype(np.uint32) | np.uint32(1)

    def meet(self, hashes: HashArray, owners: Owners) -> Met:
        """What each row meets, and takes it in. Hashes of shape (n, tables), of which negative ones say nothing; owners (n,).

        Owners are whole numbers that stay the same: hashes of accounts. In a batch a row may meet more than it would alone:
        an owner's older row in a bucket makes way for his newer one only when the batch ends.
        """
        met = Met.nothing(len(hashes))
        for start in range(0, len(hashes), MOST_ROWS):
            cut = slice(start, start + MOST_ROWS)
            part = self._meet(hashes[cut], owners[cut])
            met.rows[cut], met.others[cut], met.shared[cut], met.nearest[cut] = part
        return met

    def _meet(self, hashes: HashArray, owners: Owners) -> Met:
        entries = Entries.of(hashes, self._salts, self.short_names(owners), len(self._tags))
        numbers = (self.taken + np.arange(len(hashes))) % NUMBERS
        self.taken += len(hashes)
        own, pairs = self._held(entries)
        entries.own = own >= 0
        pairs += meet_each_other(entries, numbers, WAYS)
        met = counted(entries, Pairs.joined(pairs), len(hashes), self.least) if pairs else Met.nothing(len(hashes))
        self._keep(entries, numbers, own)
        return met

    def _held(self, entries: Entries) -> tuple[npt.NDArray[np.int64], list[Pairs]]:
        """Completes the entries by what the index holds; where it holds the same owner (-1: nowhere), and whom they meet."""
        own = np.full(len(entries.row), -1, dtype=np.int64)
        entry, way = np.nonzero(self._tags[entries.line] == entries.tag[:, None])
        if not len(entry):
            return own, []
        places = entries.line[entry] * WAYS + way
        last, counts = self._last[places], self._counts[places].astype(np.int64)
        name = (last >> _HALF).astype(np.uint32)
        np.maximum.at(entries.rows, entry, counts >> 16)
        np.maximum.at(entries.owners, entry, counts & MOST_COUNTED)
        same = name == entries.name[entry]
        own[entry[same]] = places[same]
        return own, [Pairs(entry, (last & np.uint64(NUMBERS - 1)).astype(np.int64), name)]

    def _keep(self, entries: Entries, numbers: npt.NDArray[np.int64], own: npt.NDArray[np.int64]) -> None:
        """Writes the last row of each owner in each bucket, over an older one of the same owner or over the line's oldest."""
        place = own.copy()
        fresh = np.flatnonzero(entries.last & (own < 0))
        line = entries.line[fresh]
        starts = np.flatnonzero(np.r_[True, line[1:] != line[:-1]]) if len(line) else fresh
        sizes = np.diff(np.r_[starts, len(line)])
        rank = np.arange(len(line)) - np.repeat(starts, sizes)
        place[fresh] = line * WAYS + (self._next[line] + rank) % WAYS  # a line that gets more than it holds keeps the last
        self._next[line[starts]] = (self._next[line[starts]] + sizes) % WAYS
        written = np.flatnonzero(entries.last)
        place = place[written]
        rows = np.minimum(entries.rows[written] + 1, MOST_COUNTED)
        owners = np.minimum(entries.owners[written] + ~entries.own[written], MOST_COUNTED)
        name, number = entries.name[written].astype(np.uint64), numbers[entries.row[written]].astype(np.uint64)
        self._tags.reshape(-1)[place] = entries.tag[written]
        self._last[place] = (name << _HALF) | number
        self._counts[place] = (rows << 16) | owners

    def to_bytes(self) -> bytes:
        """The index as bytes, as many as it holds entries; the salt is not among them."""
        used = self._tags.reshape(-1) > 0
        parts: list[npt.NDArray[Any]] = [np.packbits(used), self._next]
        parts += [self._tags.reshape(-1)[used], self._last[used], self._counts[used]]
        form = _FORM.pack(self.tables, self.least, len(self._tags), self.taken, int(self._salts[0]))
        body = form + b"".join(part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes() for part in parts)
        return _HEAD.pack(MAGIC, VERSION, zlib.crc32(body)) + body

    @classmethod
    def from_bytes(cls, content: bytes, salt: int, source: str) -> Self:
        """The index that ``to_bytes`` wrote; raises StoreError, naming ``source``, for anything else, and for another salt."""
        if len(content) < _HEAD.size + _FORM.size or not content.startswith(MAGIC):
            raise _broken(source, f"{len(content)} bytes that are no index")
        _, version, check = _HEAD.unpack_from(content)
        if version != VERSION:
            raise _broken(source, f"version {version}")
        if zlib.crc32(content[_HEAD.size :]) != check:
            raise _broken(source, "damaged bytes: their check is not that of their content")
        tables, least, lines, taken, salted = _FORM.unpack_from(content, _HEAD.size)
        if lines > len(content) or tables > MOST_TABLES:  # a line takes two bytes at least: no more memory is asked for
            raise _broken(source, "an index of another length")
        made = cls.__new__(cls)
        made._begin(tables, lines, least, salt)
        if salted != int(made._salts[0]):
            raise _broken(source, "an index with another salt")
        made.taken = taken
        if not made._filled(memoryview(content)[_HEAD.size + _FORM.size :]):
            raise _broken(source, "an index of another length")
        return made

    def _filled(self, content: memoryview) -> bool:
        """Takes the entries in; whether they were as many as there should be."""
        bitmap = self._tags.size // 8
        if len(content) < bitmap + self._next.nbytes:
            return False
        used = np.unpackbits(np.frombuffer(content, np.uint8, bitmap)).astype(bool)
        self._next[:] = np.frombuffer(content, np.uint8, len(self._next), bitmap)
        count, start = int(np.count_nonzero(used)), bitmap + self._next.nbytes
        arrays: tuple[npt.NDArray[Any], ...] = (self._tags.reshape(-1), self._last, self._counts)
        if len(content) != start + count * sum(array.itemsize for array in arrays):
            return False
        for array in arrays:
            array[used] = np.frombuffer(content, array.dtype.newbyteorder("<"), count, start)
            start += count * array.itemsize
        return True


def _broken(source: str, found: str) -> StoreError:
    return StoreError(f"{source}: found {found}, expected an index of version {VERSION}", hint=_HINT)
