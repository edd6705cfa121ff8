"""A small simulated service for the tests of rings: credit card clients, a linear victim, sixteen honest weeks."""

from __future__ import annotations

from functools import cache

import numpy as np

from bench.rings_world import Traffic, World, batch_of, honest_week, ring, together, traits_of
from moatkeeper.core.query import FloatArray
from moatkeeper.demo.credit import load
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.past_traits import PastTraits
from moatkeeper.patterns.traits import Traits
from moatkeeper.patterns.window import WEEK_S, Window, windows_of

WEEKS = 16
ACCOUNTS = 500
"""Honest accounts a week."""
ROWS = 4_000


@cache
def world() -> World:
    """Real rows, a victim that is a logistic function of them, and few requests an account, as in real traffic."""
    clients = load()
    rows, outcomes = clients.rows[:ROWS], clients.outcomes[:ROWS]
    centre, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    held = np.clip((rows - centre) / spread, -3, 3)
    weights = np.linalg.solve(held.T @ held + 10 * np.eye(held.shape[1]), held.T @ (outcomes - outcomes.mean()))

    def victim(asked: FloatArray) -> FloatArray:
        score = 6 * np.clip((asked - centre) / spread, -3, 3) @ weights - 0.5
        chance = 1 / (1 + np.exp(-score))
        return np.stack([1 - chance, chance], axis=1)

    sizes = np.random.default_rng(5).geometric(0.25, 2_000) + 2
    return World.of(rows, victim, np.minimum(sizes, 40).astype(np.int64), 1)


@cache
def _honest_weeks() -> tuple[Traffic, ...]:
    rng = np.random.default_rng(21)
    return tuple(honest_week(world(), rng, ACCOUNTS) for _ in range(WEEKS))


@cache
def honest_batch() -> Batch:
    """What the calibration is made of."""
    return batch_of(world(), list(_honest_weeks()), np.random.default_rng(22))


@cache
def honest_traits() -> dict[str, Traits]:
    """The traits of its accounts."""
    found: dict[str, Traits] = {}
    for number, week in enumerate(_honest_weeks()):
        names = tuple(f"week{number}-{account}" for account in range(week.count))
        found.update(traits_of(names, week.groups, np.random.default_rng(number), number))
    return found


def week_traits(traffic: Traffic, seed: int, leak: float = 0.0) -> dict[str, Traits]:
    """The traits of the accounts of the week after the honest ones, whose ring leaks in this share of its accounts."""
    names = tuple(f"week{WEEKS}-{account}" for account in range(traffic.count))
    return traits_of(names, traffic.groups, np.random.default_rng(seed), WEEKS, ACCOUNTS, leak)


@cache
def calibration() -> Calibration:
    """From honest weeks alone."""
    return Calibration.fit("credit", honest_batch())


@cache
def past_traits() -> PastTraits:
    """What honest accounts have in common."""
    return PastTraits.fit(calibration(), honest_batch(), honest_traits())


def window(traffic: Traffic, seed: int, keep: frozenset[str] = frozenset()) -> Window:
    """The week after the honest ones."""
    batch = batch_of(world(), [traffic], np.random.default_rng(seed), first_week=WEEKS)
    ((_, found),) = windows_of(calibration().profile, batch, WEEKS * WEEK_S, WEEK_S, keep)
    return found


def honest(seed: int) -> Traffic:
    """A week without a ring."""
    return honest_week(world(), np.random.default_rng(seed), ACCOUNTS)


def with_ring(kind: str, accounts: int, each: int, seed: int) -> Traffic:
    """A week with one; its accounts have the numbers from ACCOUNTS up."""
    rng = np.random.default_rng(seed)
    return together(honest_week(world(), rng, ACCOUNTS), ring(world(), rng, kind, accounts, each))


def in_ring(account: str) -> bool:
    """Whether an account of ``with_ring`` belongs to it."""
    return int(account.rpartition("-")[2]) >= ACCOUNTS
