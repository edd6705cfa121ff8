"""Checkpoints: accounts are compared with honest accounts at exactly the same number of rows, at doubling numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, IntArray, rank_in_account
from moatkeeper.patterns.profile import AccountStates, Profile

CHECKPOINTS = tuple(4 << power for power in range(13))
"""Rows at which an account is looked at: 4, 8, 16, ... 16,384."""
AT_ONCE = 4_096
"""Accounts whose states are held at a time: at 4 KB each, 16 MB."""


class Reached(NamedTuple):
    """The readings of accounts at their first ``rows`` rows: ``readings`` (accounts, detectors), ``accounts`` their numbers."""

    rows: int
    accounts: IntArray
    readings: FloatArray
    states: AccountStates  # what was read


def readings_at_checkpoints(profile: Profile, batch: Batch, checkpoints: tuple[int, ...] = CHECKPOINTS) -> Iterator[Reached]:
    """The readings of every account of a batch at every checkpoint that it reaches, a group of accounts after another."""
    order = np.argsort(batch.accounts, kind="stable")
    owners = batch.accounts[order]
    for first in range(0, len(batch.names), AT_ONCE):
        low, high = np.searchsorted(owners, [first, first + AT_ONCE])
        part = batch.take(np.sort(order[low:high]))
        yield from _of_group(profile, part, first, min(AT_ONCE, len(batch.names) - first), checkpoints)


def _of_group(profile: Profile, part: Batch, first: int, count: int, checkpoints: tuple[int, ...]) -> Iterator[Reached]:
    owners = part.accounts - first
    ranks = rank_in_account(owners)
    sizes = np.bincount(owners, minlength=count)
    marking = profile.marks(profile.rows(part))
    states: AccountStates = profile.empty(count)
    done = 0
    for rows in checkpoints:
        there = np.flatnonzero(sizes >= rows)
        if not len(there):
            return
        profile.fold(states, owners, marking, np.flatnonzero((ranks >= done) & (ranks < rows)))
        done = rows
        reached = {name: state[there] for name, state in states.items()}
        yield Reached(rows, there + first, profile.read(reached, np.full(len(there), rows)), reached)
