"""Actors: accounts that are one customer as far as limits are concerned, so that splitting a campaign buys no more of them.

Only what identifies who pays makes an actor by itself: a payment or a key issuer. A common network, agent or hour of sign-up
does not, since colleagues behind one office address have it, too; accounts of a ring become an actor when a person says so.
The mapping is data. The gateway ties nobody by it: it limits the actors that a person made (``Watching.actors``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

import numpy as np

from moatkeeper.patterns.components import components
from moatkeeper.patterns.traits import Traits

MOST_OF_ONE = 200
"""Accounts that one payment or issuer may join; beyond it is a reseller, and who its customers are is unknown."""


def actors_of(traits: Mapping[str, Traits], rings: Iterable[Iterable[str]] = ()) -> dict[str, str]:
    """The actor of every account that shares one with another account; accounts that stand alone are left out.

    ``rings`` are sets of accounts that are to share one account's limits whatever they have in common. An actor's name depends
    on its members alone. The same accounts have the same actor in whatever order they are given.
    """
    known_rings = [sorted(set(ring)) for ring in rings]
    names = sorted(set(traits) | {name for ring in known_rings for name in ring})
    number = {name: place for place, name in enumerate(names)}
    joined: dict[str, list[int]] = {}
    for name, known in traits.items():
        for tie in (*(f"payment {value}" for value in known.payments), *(f"issuer {value}" for value in known.issuers)):
            joined.setdefault(tie, []).append(number[name])
    groups = [members for _, members in sorted(joined.items()) if 1 < len(members) <= MOST_OF_ONE]
    groups += [[number[name] for name in ring] for ring in known_rings if ring]
    members = np.array([member for group in groups for member in group], dtype=np.int64)
    places = np.repeat(np.arange(len(groups)), [len(group) for group in groups]).astype(np.int64)
    label = components(members, places, len(names))
    sizes = np.bincount(label, minlength=len(names))
    return {name: _name(names[root]) for name, root in zip(names, label.tolist(), strict=True) if sizes[root] > 1}


def _name(first: str) -> str:
    """Not an account's name, so that nobody is limited for what another account of that name does."""
    return "actor:" + blake2b(first.encode("utf-8", "surrogatepass"), digest_size=8, person=b"actor").hexdigest()
