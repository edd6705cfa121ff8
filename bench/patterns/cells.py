"""The traffic that a thief hides in: alone, slowly, mixed into an honest account, split over many accounts."""

from __future__ import annotations

import numpy as np

from bench.patterns.arena import Arena
from bench.patterns.population import Exchanges, Market

SHARES = (0.05, 0.10, 0.25, 0.50, 0.90)
LATE = 100  # rows before which mixed traffic is not looked at
DAYS = 60
CAMPAIGNS = {"1,000 accounts": 4, "100 accounts": 30, "25 accounts": 100}
"""Into how many accounts a campaign is split, and what each sends."""


def cells_of(
    arena: Arena, market: Market, short: Exchanges, streams: Exchanges, hosts: int, rng: np.random.Generator
) -> dict[str, object]:
    """What every contestant finds of thieves ``short`` (thieves, n) and ``streams`` (thieves, more rows) in all traffic."""
    looks = arena.sizes.looks
    shorts = tuple(look for look in looks if look <= short.shape[1])
    found: dict[str, object] = {
        "pure": arena.look_for(short, shorts, rng),
        "pure, long": arena.look_for(streams, looks, rng),
        "slow": arena.look_for(streams, looks, rng, span_s=DAYS * 86_400.0),
    }
    late = tuple(look for look in looks if look >= LATE) or looks[-1:]
    for part in SHARES:
        found[f"{part:.0%} mixed"] = arena.look_for(mixed(market, streams, part, hosts, rng), late, rng)
    flat = streams.reshaped(int(np.prod(streams.shape)))
    for name, rows in CAMPAIGNS.items():
        count = min(int(name.split()[0].replace(",", "")), flat.shape[0] // rows)
        dealt = np.arange(count * rows).reshape(rows, count).T  # round-robin
        usable = tuple(look for look in looks if look <= rows)
        if usable and count:
            found[f"split over {name}"] = arena.look_for(flat.take(dealt), usable, rng)
    return found


def mixed(market: Market, streams: Exchanges, part: float, hosts: int, rng: np.random.Generator) -> Exchanges:
    """Honest accounts, a share of whose rows are a thief's: thieves in turn, at random places, (hosts, rows)."""
    rows = streams.shape[1]
    thief = streams.take(np.resize(np.arange(streams.shape[0]), hosts))
    where = rng.random((hosts, rows)) < part
    return market.customers(hosts, rows, rng).with_others(thief, where)
