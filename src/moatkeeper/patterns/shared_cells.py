"""Shared cells: accounts that meet where no honest customer has ever been.

Scoring an account by other accounts' rows breaks the promise to honest customers, since popular places are shared by everybody.
So it is confined to cells of the input space that all of history left empty. Searches along a boundary, dealt over many
accounts, leave near-duplicates of the same rows in such cells. A component counts only if past windows had none as large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.components import components
from moatkeeper.patterns.encoder import Encoder
from moatkeeper.patterns.hashing import HashArray, row_hashes
from moatkeeper.patterns.packing import packable

TABLES = 6
"""Random sets of coordinates; larger: steps along more columns at once still meet, more memory."""
SIZE = 1 << 20
"""Bits a table in which history's cells are remembered; larger: fewer empty cells are taken for visited ones."""
ACCOUNTS_A_CELL = 3
"""That must meet in an empty cell before it ties them; larger: fewer chance meetings, smaller rings missed."""
MARGIN = 1.5
"""A component must be more than this many times the largest of any past window."""
LEAST_COMPONENT = 4
"""Accounts; smaller components are never looked at."""
AT_ONCE = 65_536
"""Rows that are encoded at a time."""
_BYTE = 8
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
    accounts: IntArray  # (windows,)

    @classmethod
    def fit(cls, buckets: HashArray, owners: IntArray, windows: IntArray, placed: npt.NDArray[np.bool_]) -> Self:
        """From all honest rows: cells (r, TABLES), accounts and windows (r,), and whether the account is tested there."""
        visited = np.zeros((TABLES, SIZE // _BYTE), dtype=np.uint8)
        places = buckets % SIZE
        for table in range(TABLES):
            np.bitwise_or.at(visited[table], places[:, table] // _BYTE, _bit(places[:, table]))
        lonely = np.stack([_in_one_window(buckets[:, table], windows) for table in range(TABLES)], axis=1)
        largest, accounts = [], []
        for window in np.unique(windows).tolist():
            inside = np.flatnonzero((windows == window) & placed)
            names, numbers = np.unique(owners[inside], return_inverse=True)
            met = meet(buckets[inside], numbers, lonely[inside], len(names))
            largest.append(int(met.sizes.max(initial=0)))
            accounts.append(len(names))
        return cls(visited, np.array(largest, dtype=np.int64), np.array(accounts, dtype=np.int64))

    def empty(self, buckets: HashArray) -> npt.NDArray[np.bool_]:
        """Which cells no honest row ever visited, shape (r, TABLES)."""
        places = buckets % SIZE
        seen = self.visited[np.arange(TABLES), places // _BYTE] & _bit(places)
        return np.asarray(seen == 0)

    @property
    def cut(self) -> int:
        """Accounts that a component must exceed."""
        return max(LEAST_COMPONENT - 1, int(MARGIN * int(self.largest.max(initial=0))))

    @property
    def share(self) -> float:
        """The most of a window's accounts that an honest component ever held; at least one of all accounts seen, in [0, 1]."""
        if not int(self.accounts.sum()):
            return 1.0
        return float(np.max(self.largest / np.maximum(self.accounts, 1), initial=1.0 / int(self.accounts.sum())))


def buckets_of(encoder: Encoder, batch: Batch) -> HashArray:
    """The cell of each row in each table, shape (n, TABLES): the same for rows that share a random half of their codes."""
    parts = np.split(np.arange(len(batch)), range(AT_ONCE, len(batch), AT_ONCE))
    return np.concatenate([bucket_hashes(encoder.rows(batch.take(part)).codes.astype(np.int64)) for part in parts])


def bucket_hashes(codes: npt.NDArray[np.int64]) -> HashArray:
    """Hashes of random halves of the coordinates, shape (n, c) -> (n, TABLES)."""
    rng = np.random.default_rng(_SEED)
    width = codes.shape[1]
    tables = [np.sort(rng.permutation(width)[: max(1, (width + 1) // 2)]) for _ in range(TABLES)]
    return np.stack([row_hashes(codes[:, table], salt=number) for number, table in enumerate(tables)], axis=1)


def meet(buckets: HashArray, owners: IntArray, counted: npt.NDArray[np.bool_], accounts: int) -> Meeting:
    """The components of accounts that meet in the ``counted`` cells, of which each must hold ACCOUNTS_A_CELL accounts."""
    members, groups, ahead = [], [], 0
    for table in range(TABLES):
        rows = np.flatnonzero(counted[:, table])
        pairs = _pairs(buckets[rows, table], owners[rows])
        held = np.bincount(pairs.first)
        enough = held[pairs.first] >= ACCOUNTS_A_CELL
        members.append(pairs.second[enough])
        groups.append(pairs.first[enough] + ahead)
        ahead += len(held)
    label = components(np.concatenate(members), np.concatenate(groups), accounts)
    return Meeting(label, np.bincount(label, minlength=accounts))


def _bit(places: HashArray) -> npt.NDArray[np.uint8]:
    return np.left_shift(1, places % _BYTE).astype(np.uint8)


class _Pairs(NamedTuple):
    """Distinct pairs: ``first`` numbered anew from 0 up in the order of its values, ``second`` as given."""

    first: IntArray
    second: IntArray
    numbers: IntArray  # the new number of each value of ``first`` as it was given


def _pairs(first: IntArray, second: IntArray) -> _Pairs:
    _, numbers = np.unique(first, return_inverse=True)
    width = int(second.max(initial=0)) + 1
    together = np.unique(numbers * width + second)
    return _Pairs(together // width, together % width, numbers)


def _in_one_window(cells: HashArray, windows: IntArray) -> npt.NDArray[np.bool_]:
    pairs = _pairs(cells, windows)
    return np.asarray(np.bincount(pairs.first)[pairs.numbers] == 1)
