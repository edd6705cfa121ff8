"""A window: the accounts of one stretch of time, each read at the last checkpoint that it reached in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, IntArray, Words, rank_in_account
from moatkeeper.patterns.checkpoints import CHECKPOINTS, Reached, readings_at_checkpoints
from moatkeeper.patterns.hashing import HashArray
from moatkeeper.patterns.normal import name_keys
from moatkeeper.patterns.profile import AccountStates, Profile
from moatkeeper.patterns.shared_cells import TABLES, buckets_of, varied

WEEK_S = 7 * 86_400.0
EDITOR = 0.15
"""Share of an account's rows, averaged over tables, that repeat half of another of its own; beyond it the account is taken for
a customer who edits a template, or for a search that its own evidence decides about. Four rows that differ in one field
each have a quarter. Larger: more accounts may be named for being in a ring."""


@dataclass(frozen=True, slots=True)
class Window:
    """n accounts that reached a checkpoint in one window, and the r rows that they sent in it.

    An account that reached none has no entry: too little is known of it to compare it with anybody. ``states`` are the
    sketches of the accounts whose numbers are ``kept``, at their checkpoints; without them groups cannot be read as one.
    """

    names: Words
    rows: IntArray  # (n,): the checkpoint
    readings: FloatArray  # (n, detectors) at exactly so many rows; NaN where a detector says nothing
    owners: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # (r,): the account of each row
    buckets: HashArray = field(default_factory=lambda: np.empty((0, TABLES + 1), dtype=np.int64))  # (r, TABLES + 1)
    kept: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # (s,), ascending
    states: AccountStates = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def keys(self) -> HashArray:
        """A number for each account from its name alone, shape (n,): where chance is needed, it is drawn from this."""
        return name_keys(self.names)

    @property
    def edits(self) -> npt.NDArray[np.bool_]:
        """Which accounts mostly vary a few rows of their own, shape (n,)."""
        return varied(self.buckets, self.owners, len(self)) > EDITOR

    def take(self, chosen: npt.NDArray[np.bool_]) -> Window:
        """Only these accounts."""
        numbers = np.cumsum(chosen) - 1
        rows, held = chosen[self.owners], chosen[self.kept]
        return Window(
            tuple(name for name, keep in zip(self.names, chosen.tolist(), strict=True) if keep),
            self.rows[chosen],
            self.readings[chosen],
            numbers[self.owners[rows]],
            self.buckets[rows],
            numbers[self.kept[held]],
            {name: state[held] for name, state in self.states.items()},
        )


def reaching(batch: Batch, windows: IntArray) -> npt.NDArray[np.bool_]:
    """Whether each row's account reaches a checkpoint in the window of the row, shape (n,)."""
    pairs = batch.accounts * (int(windows.max(initial=0)) + 1) + windows
    hits = np.isin(rank_in_account(batch.accounts) + 1, CHECKPOINTS)
    return np.isin(pairs, pairs[hits])


class _Entries(NamedTuple):
    """Accounts at checkpoints, in any order: all of shape (e, ...)."""

    accounts: IntArray
    rows: IntArray
    windows: IntArray
    readings: FloatArray
    kept: IntArray  # entries that states are held of
    states: AccountStates


def windows_of(
    profile: Profile,
    batch: Batch,
    started: float,
    window_s: float = WEEK_S,
    keep: Collection[str] = (),
    reached: Iterable[Reached] | None = None,
) -> Iterator[tuple[int, Window]]:
    """The windows of a batch in which somebody reached a checkpoint, with their numbers, counted from ``started``.

    Rows are taken in the order of the batch, and an account's count goes on through all windows. ``keep`` names the accounts
    whose states are held. ``reached`` are the readings of the batch at CHECKPOINTS, where somebody has them already.
    """
    if reached is None:
        reached = readings_at_checkpoints(profile, batch)
    entries = _last_in_window(_entries(profile, batch, started, window_s, keep, reached))
    numbers = window_numbers(batch.at, started, window_s)
    for number in np.unique(entries.windows).tolist():
        inside = np.flatnonzero(entries.windows == number)
        inside = inside[np.argsort(entries.accounts[inside])]
        accounts = entries.accounts[inside]
        place = np.full(len(batch.names), -1, dtype=np.int64)
        place[accounts] = np.arange(len(accounts))
        sent = np.flatnonzero((numbers == number) & (place[batch.accounts] >= 0))
        held = np.isin(inside, entries.kept)
        states = {name: state[np.searchsorted(entries.kept, inside[held])] for name, state in entries.states.items()}
        yield (
            int(number),
            Window(
                tuple(batch.names[account] for account in accounts.tolist()),
                entries.rows[inside],
                entries.readings[inside],
                place[batch.accounts[sent]],
                buckets_of(profile.encoder, batch.take(sent)),
                np.flatnonzero(held),
                states,
            ),
        )


def window_numbers(at: FloatArray, started: float, window_s: float) -> IntArray:
    return np.floor((at - started) / window_s).astype(np.int64)


def _entries(
    profile: Profile, batch: Batch, started: float, window_s: float, keep: Collection[str], readings: Iterable[Reached]
) -> _Entries:
    ranks = rank_in_account(batch.accounts)
    wanted = np.array([name in keep for name in batch.names], dtype=bool) if keep else np.zeros(len(batch.names), dtype=bool)
    reached_at = {}
    for rows in CHECKPOINTS:
        times = np.full(len(batch.names), np.nan)
        hits = np.flatnonzero(ranks == rows - 1)
        times[batch.accounts[hits]] = batch.at[hits]
        reached_at[rows] = times
    parts: list[_Entries] = []
    for reached in readings:
        held = np.flatnonzero(wanted[reached.accounts])
        parts.append(
            _Entries(
                reached.accounts,
                np.full(len(reached.accounts), reached.rows, dtype=np.int64),
                window_numbers(reached_at[reached.rows][reached.accounts], started, window_s),
                reached.readings,
                held,
                {name: state[held] for name, state in reached.states.items()} if len(held) else {},
            )
        )
    return _joined(parts, len(profile.detectors))


def _joined(parts: list[_Entries], detectors: int) -> _Entries:
    none = np.empty(0, dtype=np.int64)
    if not parts:
        return _Entries(none, none, none, np.empty((0, detectors)), none, {})
    starts = np.cumsum([0] + [len(part.accounts) for part in parts[:-1]])
    with_states = [part for part in parts if part.states]
    names = with_states[0].states if with_states else ()
    return _Entries(
        np.concatenate([part.accounts for part in parts]),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.windows for part in parts]),
        np.concatenate([part.readings for part in parts]),
        np.concatenate([part.kept + start for part, start in zip(parts, starts.tolist(), strict=True)]),
        {name: np.concatenate([part.states[name] for part in with_states]) for name in names},
    )


def _last_in_window(entries: _Entries) -> _Entries:
    """Of several checkpoints that an account reached in one window only the last."""
    order = np.lexsort((entries.rows, entries.windows, entries.accounts))
    accounts, windows = entries.accounts[order], entries.windows[order]
    last = np.r_[(accounts[1:] != accounts[:-1]) | (windows[1:] != windows[:-1]), np.ones(min(1, len(order)), dtype=bool)]
    chosen = np.sort(order[last])
    held = np.isin(entries.kept, chosen)
    return _Entries(
        entries.accounts[chosen],
        entries.rows[chosen],
        entries.windows[chosen],
        entries.readings[chosen],
        np.searchsorted(chosen, entries.kept[held]),
        {name: state[held] for name, state in entries.states.items()},
    )
