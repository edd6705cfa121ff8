"""Attribute cells: accounts that share an agent, a network, a template or a time of sign-up, against the rest of the window.

A ring that cannot be named by its rows may still have its tool chain in common. Each cell is compared with the other accounts
of its window, never with the past: a large ring would make nearly every cell look strange beside it. The cut comes from whole
past windows. A cell is never accused as a whole, since honest customers use the same agent. In flagged cells an account is
named at a milder p-value, for which its rule has a budget of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.hashing import HashArray
from moatkeeper.patterns.history import History
from moatkeeper.patterns.normal import name_keys, normal_scores
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.traits import NOTHING_KNOWN, Traits

KINDS = ("agent", "network", "payment", "issuer", "organisation", "template", "day", "hour")
"""What accounts may have in common; ``day`` and ``hour`` are those of the sign-up, or else of the first exchange."""
LEAST_CELL = 8
"""Accounts that a cell must hold in the window; larger: steadier, smaller rings missed."""
CUT = 5.0
"""In standard deviations, the least at which a cell is flagged."""
MARGIN = 1.25
"""The cut is at least this many times the farthest that any cell came in past windows."""
MILDEST = 0.05
"""The p-value at which accounts of flagged cells are named at the most, however rare the cells are."""
_DAY_S, _HOUR_S = 86_400.0, 3_600.0


class Cells(NamedTuple):
    """Who is in which cell: pairs of shape (p,), and of each of c cells its key, its kind (index into KINDS) and its value."""

    accounts: IntArray
    cells: IntArray
    keys: HashArray
    kinds: IntArray
    values: tuple[str, ...]


class Flagged(NamedTuple):
    """A cell that stands out: ``z`` standard deviations in a statistic, and how many accounts of the window are in it."""

    kind: str
    value: str
    statistic: str
    z: float
    cut: float
    accounts: IntArray
    share: float  # of honest accounts that are expected in it


@packable
@dataclass(frozen=True, slots=True)
class CellHistory:
    """What cells were like in past windows."""

    spread: FloatArray  # (kinds,): of past cells' z; 1 if accounts of a cell had nothing in common
    past: FloatArray  # (windows,): the largest z of any cell, after division by the spread
    keys: HashArray  # (c,) ascending: cells that history knows
    share: FloatArray  # (c,): of the accounts of a window, on average
    fresh: FloatArray  # (kinds,): the largest share of a window's accounts in a cell that no other window had

    @classmethod
    def fit(cls, history: History, traits: Mapping[str, Traits]) -> Self:
        """From the history and the traits of its accounts by name."""
        names = tuple(traits)
        keys = name_keys(names)
        order = np.argsort(keys)
        place = np.minimum(np.searchsorted(keys[order], history.keys), max(len(names) - 1, 0))
        found = order[place] if len(names) else np.zeros(len(history), dtype=np.int64)
        known = [
            traits[names[number]] if len(names) and keys[number] == key else NOTHING_KNOWN
            for number, key in zip(found.tolist(), history.keys.tolist(), strict=True)
        ]
        windows = np.unique(history.windows)
        parts = []
        for number in windows.tolist():
            inside = np.flatnonzero(history.windows == number)
            cells = cells_of([known[place] for place in inside.tolist()])
            parts.append((cells, cell_z(cells, normal_scores(history.p_values_of_past(number))), len(inside)))
        spread = np.array([_spread([z[cells.kinds == kind] for cells, z, _ in parts]) for kind in range(len(KINDS))])
        past = np.array([np.max(np.nan_to_num(z) / spread[cells.kinds][:, None], initial=0.0) for cells, z, _ in parts])
        return cls(spread, past, *_shares([(cells, count) for cells, _, count in parts]))

    @property
    def cut(self) -> float:
        """Above which a cell is flagged."""
        return max(CUT, MARGIN * float(np.max(self.past, initial=0.0)))

    def flagged(self, cells: Cells, scores: FloatArray, statistics: Sequence[str]) -> tuple[Flagged, ...]:
        """The cells of a window that stand out, farthest first; ``scores`` (n, statistics) are normal scores."""
        z = np.nan_to_num(cell_z(cells, scores)) / self.spread[cells.kinds][:, None]
        worst = z.max(axis=1, initial=0.0)
        found = []
        for cell in np.flatnonzero(worst > self.cut)[np.argsort(-worst[worst > self.cut])].tolist():
            kind = int(cells.kinds[cell])
            accounts = np.sort(cells.accounts[cells.cells == cell])
            share = self._share(int(cells.keys[cell]), kind)
            statistic = statistics[int(z[cell].argmax())]
            found.append(Flagged(KINDS[kind], cells.values[cell], statistic, float(worst[cell]), self.cut, accounts, share))
        return tuple(found)

    def _share(self, key: int, kind: int) -> float:
        place = int(np.searchsorted(self.keys, key))
        if place < len(self.keys) and int(self.keys[place]) == key:
            return float(self.share[place])
        return float(self.fresh[kind])


def cells_of(traits: Sequence[Traits]) -> Cells:
    """The cells of the accounts of one window. A loop over accounts, since their traits are lists of texts."""
    numbers: dict[str, int] = {}
    accounts: list[int] = []
    cells: list[int] = []
    kinds: list[int] = []
    values: list[str] = []
    for account, known in enumerate(traits):
        for kind, value in _of(known):
            cell = numbers.setdefault(f"{kind}:{value}", len(numbers))
            if cell == len(kinds):
                kinds.append(kind)
                values.append(value)
            accounts.append(account)
            cells.append(cell)
    return Cells(
        np.array(accounts, dtype=np.int64),
        np.array(cells, dtype=np.int64),
        name_keys(tuple(numbers)),
        np.array(kinds, dtype=np.int64),
        tuple(values),
    )


def cell_z(cells: Cells, scores: FloatArray) -> FloatArray:
    """How far the mean score in each cell lies above that of the rest of the window, shape (cells, statistics).

    In standard deviations; NaN for a cell with fewer than LEAST_CELL accounts in it, or in the rest.
    """
    known = np.asarray(~np.isnan(scores).any(axis=1))
    pairs = known[cells.accounts]
    accounts, places = cells.accounts[pairs], cells.cells[pairs]
    inside = np.bincount(places, minlength=len(cells.kinds)).astype(np.float64)[:, None]
    sums = np.stack(
        [np.bincount(places, scores[accounts, number], len(cells.kinds)) for number in range(scores.shape[1])], axis=1
    )
    total = float(np.count_nonzero(known))
    rest = total - inside
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = sums / inside - (scores[known].sum(axis=0) - sums) / rest
        z = apart / (scores[known].std(axis=0) * np.sqrt(1 / inside + 1 / rest) if known.any() else np.nan)
    return np.where((inside >= LEAST_CELL) & (rest >= LEAST_CELL), z, np.nan)


def _of(known: Traits) -> list[tuple[int, str]]:
    lists = (known.agents, known.networks, known.payments, known.issuers, (known.organisation,), known.templates)
    found = [(kind, value) for kind, part in enumerate(lists) for value in part if value]
    if known.began_at is not None:
        found.append((KINDS.index("day"), str(int(known.began_at // _DAY_S))))
        found.append((KINDS.index("hour"), str(int(known.began_at // _HOUR_S))))
    return found


def _spread(parts: Sequence[FloatArray]) -> float:
    z = np.concatenate(parts).ravel() if parts else np.empty(0)
    z = z[~np.isnan(z)]
    return max(1.0, float(np.sqrt(np.mean(z**2)))) if len(z) else 1.0


class _Shares(NamedTuple):
    keys: HashArray
    share: FloatArray
    fresh: FloatArray


def _shares(windows: Sequence[tuple[Cells, int]]) -> _Shares:
    """What share of a window's accounts is in each known cell, and at most in one that is seen for the first time."""
    parts = [np.bincount(cells.cells, minlength=len(cells.kinds)) / max(count, 1) for cells, count in windows]
    keys = np.concatenate([np.empty(0, dtype=np.int64), *(cells.keys for cells, _ in windows)])
    kinds = np.concatenate([np.empty(0, dtype=np.int64), *(cells.kinds for cells, _ in windows)])
    held = np.concatenate([np.empty(0), *parts])
    known, numbers, seen = np.unique(keys, return_inverse=True, return_counts=True)
    share = np.bincount(numbers, held, len(known)) / max(len(windows), 1)
    once = seen[numbers] == 1
    fresh = np.array([np.max(held[once & (kinds == kind)], initial=0.0) for kind in range(len(KINDS))])
    return _Shares(known, share, fresh)


def named_below(flagged: Sequence[Flagged], budget: float) -> float:
    """The p-value at which an account in one of the flagged cells is named, so that honest ones are at most at the budget."""
    share = sum(one.share for one in flagged)
    return min(MILDEST, budget / share) if share > 0 else MILDEST


def inside_of(flagged: Sequence[Flagged], accounts: int) -> npt.NDArray[np.bool_]:
    """Which accounts are in at least one of the flagged cells, shape (accounts,)."""
    found = np.zeros(accounts, dtype=bool)
    for one in flagged:
        found[one.accounts] = True
    return found
