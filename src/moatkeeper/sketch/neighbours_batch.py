"""The arithmetic of the neighbour index: what a batch's entries meet, in the index and in the batch itself, on whole arrays.

An entry is one row in one table. Entries are sorted by line, then by bucket, then by time, so that the index is read and
written from front to back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.mixing import HashArray, mixed

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Names = npt.NDArray[np.uint32]

PLACE_BITS = 20
"""Bits of a sorted key that say where its entry came from; the rest, 44, tell buckets apart."""
_PLACE = np.uint64((1 << PLACE_BITS) - 1)
_HALF = 32  # bits


class Met(NamedTuple):
    """What rows met, in arrays of shape (n,). Earlier rows of the same batch count as met."""

    rows: Ints  # about how many earlier near-duplicates, those of the same owner among them
    others: Ints  # about how many other owners they are of
    shared: Ints  # the most tables that one row of another owner shares; 0 below the index's ``least``
    nearest: Names  # the short name of the owner of that row, 0 for none: a soft link between owners

    @classmethod
    def nothing(cls, size: int) -> Self:
        """Rows that met nobody."""
        none = np.zeros(size, dtype=np.int64)
        return cls(none, none.copy(), none.copy(), none.astype(np.uint32))


@dataclass(slots=True)
class Entries:
    """The m entries of a batch in sorted order, and what was in their buckets before each of them."""

    row: Ints  # (m,): in the batch
    name: Names  # (m,): of the row's owner
    line: Ints  # (m,): of the index
    tag: Names  # (m,): what tells buckets of a line apart; never 0
    first: Flags  # (m,): the batch's first in its bucket
    rows: Ints  # (m,): rows in the bucket so far
    owners: Ints  # (m,): owners in the bucket so far
    own: Flags  # (m,): the row's owner is among them
    last: Flags  # (m,): the batch's last of this owner in its bucket

    @classmethod
    def of(cls, hashes: HashArray, salts: npt.NDArray[np.uint64], names: Names, lines: int) -> Self:
        """The entries of hashes of shape (n, tables), fewer than 2^PLACE_BITS; buckets are taken as empty."""
        flat = hashes.reshape(-1)
        keys = mixed((hashes.astype(np.uint64) ^ salts).reshape(-1))
        keys &= ~_PLACE
        keys |= np.arange(len(keys), dtype=np.uint64)
        if flat.min(initial=0) < 0:
            keys = keys[flat >= 0]
        keys.sort()
        row = (keys & _PLACE).astype(np.int64) // hashes.shape[1]
        bucket = keys >> np.uint64(PLACE_BITS)
        first = np.ones(len(keys), dtype=bool)
        first[1:] = bucket[1:] != bucket[:-1]
        line = (keys >> np.uint64(64 - (lines.bit_length() - 1))).astype(np.int64)
        tag = bucket.astype(np.uint32) | np.uint32(1)
        none = np.zeros(len(keys), dtype=np.int64)
        own, last = np.zeros(len(keys), dtype=bool), np.ones(len(keys), dtype=bool)
        return cls(row, names[row], line, tag, first, none, none.copy(), own, last)


class Pairs(NamedTuple):
    """Meetings of an entry with an earlier row in its bucket."""

    entry: Ints
    number: Ints  # of the earlier row, in [0, 2^32)
    name: Names  # of its owner

    @classmethod
    def joined(cls, parts: list[Pairs]) -> Pairs:
        """All of them."""
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def meet_each_other(entries: Entries, numbers: Ints, reach: int) -> list[Pairs]:
    """Completes the entries by what came earlier in the same batch, and pairs each with up to ``reach`` earlier ones.

    ``numbers`` has shape (n,): the number of each row of the batch.
    """
    ends = np.r_[entries.first[1:], True]
    members = np.flatnonzero(~(entries.first & ends))
    if not len(members):
        return []
    first = entries.first[members]
    starts = np.flatnonzero(first)
    run = np.cumsum(first) - 1
    place = np.arange(len(members)) - starts[run]
    name = entries.name[members]
    order = np.argsort((run << _HALF) | name, kind="stable")
    changes = np.r_[True, (run[order][1:] != run[order][:-1]) | (name[order][1:] != name[order][:-1])]
    earliest, latest = np.zeros((2, len(members)), dtype=bool)
    earliest[order] = changes
    latest[order] = np.r_[changes[1:], True]
    fresh = earliest & ~entries.own[members]
    newcomers: Ints = np.cumsum(fresh) - fresh
    entries.rows[members] += place
    entries.owners[members] += newcomers - newcomers[starts][run]
    entries.own[members] |= ~earliest
    entries.last[members] = latest
    pairs = []
    for back in range(1, min(reach, int(place.max())) + 1):
        later = np.flatnonzero(place >= back)
        earlier = members[later - back]
        pairs.append(Pairs(members[later], numbers[entries.row[earlier]], entries.name[earlier]))
    return pairs


def counted(entries: Entries, pairs: Pairs, size: int, least: int) -> Met:
    """What each of ``size`` rows met: earlier rows with which it shares ``least`` tables or more.

    How many more there were that the index no longer names is read from the emptiest bucket that the two share.
    """
    met = Met.nothing(size)
    code = (entries.row[pairs.entry] << _HALF) | pairs.number
    order = np.argsort(code)
    code = code[order]
    starts = np.flatnonzero(np.r_[True, code[1:] != code[:-1]])
    tables = np.diff(np.r_[starts, len(code)])
    near = tables >= least
    if not near.any():
        return met
    entry = pairs.entry[order]
    others = entries.owners - entries.own
    fewest_rows = np.minimum.reduceat(entries.rows[entry], starts)[near]
    fewest_others = np.minimum.reduceat(others[entry], starts)[near]
    row, tables = code[starts][near] >> _HALF, tables[near]
    name = pairs.name[order][starts][near]
    np.maximum.at(met.rows, row, fewest_rows)
    np.maximum(met.rows, np.bincount(row, minlength=size), out=met.rows)
    strange = name != entries.name[entry[starts][near]]
    row, name, tables = row[strange], name[strange], tables[strange]
    known = np.bincount(np.unique((row << _HALF) | name) >> _HALF, minlength=size)
    np.maximum.at(met.others, row, fewest_others[strange])
    np.maximum(met.others, known, out=met.others)
    np.maximum.at(met.shared, row, tables)
    nearest = np.argsort(tables, kind="stable")
    met.nearest[row[nearest]] = name[nearest]
    return met
