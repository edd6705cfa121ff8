"""Shared cells: accounts that meet where no honest customer has ever been.

Scoring an account by other accounts' rows breaks the promise to honest customers, since popular places are shared by everybody.
So it is confined to cells of the input space that all of history left empty. Searches along a boundary, dealt over many
accounts, leave near-duplicates of the same rows in such cells: different rows, where colleagues send the same ones again.
A component counts only if past windows had none as large, or where many more accounts meet than in any past window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.components import components
from moatkeeper.patterns.encoder import Encoder
from moatkeeper.patterns.hashing import HashArray, mixed, row_hashes
from moatkeeper.patterns.normal import draws
from moatkeeper.patterns.packing import packable

TABLES = 6
"""Random sets of coordinates; larger: steps along more columns at once still meet, more memory."""
SIZE = 1 << 20
"""Bits a table in which history's cells are remembered; larger: fewer empty cells are taken for visited ones."""
A_CELL = 3
"""Accounts, and different rows, that an empty cell must hold before it ties them; larger: fewer chance meetings."""
MARGIN = 1.5
"""A component, or the share of accounts that meet at all, must be more than this many times the most of any past window."""
LEAST_COMPONENT = 4
"""Accounts; smaller components are never looked at."""
AT_ONCE = 65_536
"""Rows that are encoded at a time."""
_BYTE = 8
_THINNED = 2_001  # purpose of a drawn chance
_SEED = 1911


class Meeting(NamedTuple):
    """The accounts of a window by component: ``label`` (n,), and the sizes of the components, shape (n,), at their labels."""

    label: IntArray
    size: IntArray

    @property
    def sizes(self) -> IntArray:
        """The size of each account's component, shape (n,)."""
        return self.size[self.label]


@packable
@dataclass(frozen=True, slots=True)
class SharedHistory:
    """Which cells honest rows ever visited, and how large components became in cells that only one window visited."""

    visited: npt.NDArray[np.uint8]  # (TABLES, SIZE / 8)
    largest: IntArray  # (windows,)
    meeting: IntArray  # (windows,): accounts in any component
    accounts: IntArray  # (windows,)
    rows: IntArray  # (windows,): that these accounts sent

    @classmethod
    def fit(cls, buckets: HashArray, owners: IntArray, windows: IntArray, placed: npt.NDArray[np.bool_]) -> Self:
        """From all honest rows: cells (r, TABLES + 1), accounts and windows (r,), and whether the account is tested there."""
        visited = np.zeros((TABLES, SIZE // _BYTE), dtype=np.uint8)
        places = buckets[:, :TABLES] % SIZE
        for table in range(TABLES):
            np.bitwise_or.at(visited[table], places[:, table] // _BYTE, _bit(places[:, table]))
        lonely = np.stack([_in_one_window(buckets[:, table], windows) for table in range(TABLES)], axis=1)
        largest, meeting, accounts, rows = [], [], [], []
        for window in np.unique(windows).tolist():
            inside = np.flatnonzero((windows == window) & placed)
            names, numbers = np.unique(owners[inside], return_inverse=True)
            met = meet(buckets[inside], numbers, lonely[inside], len(names))
            largest.append(int(met.sizes.max(initial=0)))
            meeting.append(int(np.count_nonzero(met.sizes > 1)))
            accounts.append(len(names))
            rows.append(len(inside))
        return cls(visited, *(np.array(part, dtype=np.int64) for part in (largest, meeting, accounts, rows)))

    def empty(self, buckets: HashArray) -> npt.NDArray[np.bool_]:
        """Which cells no honest row ever visited, shape (r, TABLES)."""
        places = buckets[:, :TABLES] % SIZE
        seen = self.visited[np.arange(TABLES), places // _BYTE] & _bit(places)
        return np.asarray(seen == 0)

    @property
    def cut(self) -> int:
        """Accounts that a component must exceed."""
        return max(LEAST_COMPONENT - 1, int(MARGIN * int(self.largest.max(initial=0))))

    @property
    def most_meeting(self) -> float:
        """The share of a window's accounts that may meet without being conspicuous, in [0, 1]."""
        usual = float(np.max(self.meeting / np.maximum(self.accounts, 1), initial=self.share))
        return min(MARGIN * max(usual, LEAST_COMPONENT / max(float(self.accounts.max(initial=0)), 1.0)), 1.0)

    @property
    def share(self) -> float:
        """The share of honest accounts that meet others, in (0, 1]: that of past ones, and one account more."""
        return min((int(self.meeting.sum()) + 1) / max(int(self.accounts.sum()), 1), 1.0)

    def conspicuous(self, buckets: HashArray, owners: IntArray, accounts: int) -> npt.NDArray[np.bool_]:
        """Which accounts of a window meet where nobody was, in too large components or too many in all, shape (accounts,)."""
        # More rows meet more often by chance: a busier window is thinned to the rows of the busiest past one.
        chances = draws(mixed(buckets[:, TABLES].astype(np.uint64)).astype(np.int64) ^ owners, _THINNED)
        kept = chances * len(buckets) <= int(self.rows.max(initial=0))
        sizes = meet(buckets[kept], owners[kept], self.empty(buckets[kept]), accounts).sizes
        meeting = sizes > 1
        if np.count_nonzero(meeting) > self.most_meeting * accounts:
            return np.asarray(meeting)
        return np.asarray(sizes > self.cut)


def buckets_of(encoder: Encoder, batch: Batch) -> HashArray:
    """The cell of each row in each table, the same for rows that share a random half of their codes, and its own hash.

    Shape (n, TABLES + 1).
    """
    parts = np.split(np.arange(len(batch)), range(AT_ONCE, len(batch), AT_ONCE))
    rows = [encoder.rows(batch.take(part)) for part in parts]
    return np.concatenate([np.c_[bucket_hashes(part.codes.astype(np.int64)), part.exact] for part in rows])


def bucket_hashes(codes: npt.NDArray[np.int64]) -> HashArray:
    """Hashes of random halves of the coordinates, shape (n, c) -> (n, TABLES)."""
    rng = np.random.default_rng(_SEED)
    width = codes.shape[1]
    tables = [np.sort(rng.permutation(width)[: max(1, (width + 1) // 2)]) for _ in range(TABLES)]
    return np.stack([row_hashes(codes[:, table], salt=number) for number, table in enumerate(tables)], axis=1)


def varied(buckets: HashArray, owners: IntArray, accounts: int) -> FloatArray:
    """The share of each account's different rows that repeat half of another of its own, averaged over tables, (accounts,)."""
    different = np.zeros((TABLES + 1, accounts))
    for column, counts in enumerate(different):
        pairs = _pairs(owners, buckets[:, column])
        counts[pairs.known] = np.bincount(pairs.first, minlength=len(pairs.known))
    rows = different[TABLES]
    return np.where(rows > 0, 1 - different[:TABLES].mean(axis=0) / np.maximum(rows, 1), 0.0)


def meet(buckets: HashArray, owners: IntArray, counted: npt.NDArray[np.bool_], accounts: int) -> Meeting:
    """The components of accounts that meet in ``counted`` cells, of which each must hold A_CELL accounts and different rows."""
    members, groups, ahead = [], [], 0
    for table in range(TABLES):
        rows = np.flatnonzero(counted[:, table])
        pairs = _pairs(buckets[rows, table], owners[rows])
        _, different = np.unique(buckets[rows, TABLES], return_inverse=True)
        held = np.minimum(np.bincount(pairs.first), np.bincount(_pairs(buckets[rows, table], different).first))
        enough = held[pairs.first] >= A_CELL
        members.append(pairs.second[enough])
        groups.append(pairs.first[enough] + ahead)
        ahead += len(held)
    label = components(np.concatenate(members), np.concatenate(groups), accounts)
    return Meeting(label, np.bincount(label, minlength=accounts))


def _bit(places: HashArray) -> npt.NDArray[np.uint8]:
    return np.left_shift(1, places % _BYTE).astype(np.uint8)


class _Pairs(NamedTuple):
    """Distinct pairs: ``first`` numbered anew from 0 up in the order of its values, ``second`` as given."""

    known: IntArray  # the values of ``first``
    first: IntArray
    second: IntArray
    numbers: IntArray  # the new number of each value of ``first`` as it was given


def _pairs(first: IntArray, second: IntArray) -> _Pairs:
    known, numbers = np.unique(first, return_inverse=True)
    others, places = np.unique(second, return_inverse=True)
    together = np.unique(numbers * max(len(others), 1) + places)
    return _Pairs(known, together // max(len(others), 1), others[together % max(len(others), 1)], numbers)


def _in_one_window(cells: HashArray, windows: IntArray) -> npt.NDArray[np.bool_]:
    pairs = _pairs(cells, windows)
    return np.asarray(np.bincount(pairs.first)[pairs.numbers] == 1)
