"""Hard links: accounts with the same payment, key issuer, network or burst of sign-ups, read as one.

The merged sketches of a group are read at its merged number of rows and compared with past groups that were formed the same
way, so that colleagues behind one office address are compared with colleagues. With too few past groups nobody is accused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.attribution import Group, scores_by
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.components import components
from moatkeeper.patterns.history import History
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.profile import AccountStates, Profile
from moatkeeper.patterns.traits import NOTHING_KNOWN, Traits
from moatkeeper.patterns.window import Window, windows_of

MOST_LINKED = 50
"""Accounts of a window that a value may tie; what more have (a cloud's address, a reseller) says nothing. Larger: more ties."""
LEAST_GROUP = 3
"""Accounts of a group; two who share a card are a household."""
_HOUR_S = 3_600.0


class Groups(NamedTuple):
    """Linked accounts of one window: ``members`` (accounts of each group), and in words what ties them."""

    members: tuple[IntArray, ...]
    ties: tuple[str, ...]


class GroupReadings(NamedTuple):
    """g groups read as one account each: merged rows (g,), and how strange they are beside single accounts, (g,)."""

    rows: IntArray
    strange: FloatArray


NETWORK = "network "
"""How a tie by address begins: the weakest one, for which nobody is named."""


@packable
@dataclass(frozen=True, slots=True)
class LinkHistory:
    """g past groups: their strangeness, and the share of honest accounts that were in groups at all."""

    strange: FloatArray  # (g,) ascending
    share: float

    @classmethod
    def fit(cls, history: History, profile: Profile, batch: Batch, traits: Mapping[str, Traits]) -> Self:
        """From honest rows that taught the detectors nothing, and the traits of their accounts."""
        strange, linked, accounts = [], 0, 0
        started = float(batch.at.min()) if len(batch) else 0.0
        keep = tied(batch.names, traits)
        for _, window in windows_of(profile, batch, started, history.window_s, keep):
            groups = groups_of([traits.get(name, NOTHING_KNOWN) for name in window.names])
            strange.append(read(history, profile, window, groups).strange)
            linked += sum(len(members) for members in groups.members)
            accounts += len(window)
        found = np.concatenate([np.empty(0), *strange])
        return cls(np.sort(found[~np.isnan(found)]), linked / max(accounts, 1))

    def p_values(self, strange: FloatArray) -> FloatArray:
        """The share of past groups at least as strange, the group counted with them, shape (g,); NaN stays NaN."""
        at_least = len(self.strange) - np.searchsorted(self.strange, strange, side="left")
        return np.where(np.isnan(strange), np.nan, (1 + at_least) / (len(self.strange) + 1))

    def level(self, budget: float) -> float:
        """The p-value at which all of a group is named, so that honest accounts are at most at the budget."""
        return min(1.0, budget / max(self.share, budget))

    def enough(self, budget: float) -> bool:
        """Whether there are so many past groups that any group could be named."""
        return 1 / (len(self.strange) + 1) <= self.level(budget)


def groups_of(traits: Sequence[Traits]) -> Groups:
    """The groups of the accounts of one window. A loop over accounts, since their traits are lists of texts."""
    ties: dict[str, int] = {}
    accounts, values = [], []
    for account, known in enumerate(traits):
        for tie in ties_of(known):
            accounts.append(account)
            values.append(ties.setdefault(tie, len(ties)))
    members, groups = np.array(accounts, dtype=np.int64), np.array(values, dtype=np.int64)
    held = np.bincount(groups, minlength=len(ties))
    kept = (held[groups] > 1) & (held[groups] <= MOST_LINKED) if len(groups) else np.zeros(0, dtype=bool)
    label = components(members[kept], groups[kept], len(traits))
    words = list(ties)
    found, why = [], []
    for root in np.flatnonzero(np.bincount(label, minlength=len(traits)) >= LEAST_GROUP).tolist():
        inside = np.flatnonzero(label == root)
        shared = np.bincount(groups[kept & np.isin(members, inside)], minlength=len(ties))
        found.append(inside)
        why.append(words[int(shared.argmax())])
    return Groups(tuple(found), tuple(why))


def tied(names: Sequence[str], traits: Mapping[str, Traits]) -> frozenset[str]:
    """The accounts that share a tie with another one: only their states are needed."""
    ties = {name: ties_of(traits.get(name, NOTHING_KNOWN)) for name in names}
    counts = Counter(tie for found in ties.values() for tie in found)
    return frozenset(name for name, found in ties.items() if any(counts[tie] > 1 for tie in found))


def ties_of(known: Traits) -> list[str]:
    """What ties an account to others: payments, key issuers, networks, and an agent that signed up in a certain hour."""
    found = [f"payment {value}" for value in known.payments]
    found += [f"issuer {value}" for value in known.issuers]
    found += [f"{NETWORK}{value}" for value in known.networks]
    if known.signed_up_at is not None:
        hour = int(known.signed_up_at // _HOUR_S)
        found += [f"sign-up with {value} in hour {hour}" for value in known.agents]
    return found


def read(history: History, profile: Profile, window: Window, groups: Groups) -> GroupReadings:
    """Each group of a window as one account; NaN where the states of its members are not held."""
    held = np.full(len(window), -1, dtype=np.int64)
    held[window.kept] = np.arange(len(window.kept))
    rows = np.zeros(len(groups.members), dtype=np.int64)
    strange = np.full(len(groups.members), np.nan)
    whole = [number for number, members in enumerate(groups.members) if bool((held[members] >= 0).all())]
    if not whole:
        return GroupReadings(rows, strange)
    members = [groups.members[number] for number in whole]
    merged = merged_states(profile, window.states, [held[part] for part in members])
    rows[whole] = [int(window.rows[part].sum()) for part in members]
    known = history.checkpoints
    if not len(known):
        return GroupReadings(rows, strange)
    nearest = known[np.maximum(np.searchsorted(known, rows[whole], side="right") - 1, 0)]
    asked = Group(np.arange(len(whole)), nearest, history.of_detectors(profile.detectors, profile.read(merged, rows[whole])))
    scores = scores_by(Group(history.keys, history.rows, history.readings), asked)
    strange[whole] = (np.maximum(scores, 0.0) ** 2).sum(axis=1)
    return GroupReadings(rows, strange)


def merged_states(profile: Profile, states: AccountStates, groups: Sequence[IntArray]) -> AccountStates:
    """The states of each group's members as one hand's; ``groups`` hold positions in ``states`` and are not empty."""
    longest = max(len(group) for group in groups)
    merged = {name: state[[int(group[0]) for group in groups]] for name, state in states.items()}
    for turn in range(1, longest):
        more = [number for number, group in enumerate(groups) if len(group) > turn]
        others = {name: state[[int(groups[number][turn]) for number in more]] for name, state in states.items()}
        joined = profile.merge({name: state[more] for name, state in merged.items()}, others)
        for name, state in joined.items():
            merged[name][more] = state
    return merged
