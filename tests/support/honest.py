"""Honest customers and thieves in a plane of generated rows, small enough for tests."""

from __future__ import annotations

import numpy as np

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, FloatArray, InputKind, Inputs, Query
from moatkeeper.patterns.batch import Batch

COLUMNS = 6
CENTRES = np.random.default_rng(5).normal(0, 3, (8, COLUMNS))


def model(rows: FloatArray) -> FloatArray:
    """A model of two classes: a bent boundary through all parts of the space."""
    values = np.asarray(rows, dtype=np.float64)
    margin = values[:, 0] + 0.5 * values[:, 1] * np.sign(values[:, 2]) - 0.3 * values[:, 3]
    chance = 1 / (1 + np.exp(-margin))
    return np.stack([1 - chance, chance], axis=1)


def honest_rows(rng: np.random.Generator, count: int) -> FloatArray:
    """The rows of one customer: a mixture of some kinds of cases that is his own."""
    kinds = rng.choice(len(CENTRES), count, p=rng.dirichlet(np.full(len(CENTRES), 0.5)))
    return np.round(CENTRES[kinds] + rng.normal(0, 1, (count, COLUMNS)), 2)


def thief_rows(rng: np.random.Generator, count: int) -> FloatArray:
    """Rows beside the boundary: each the middle of two that are answered differently, found by halving."""
    first, second = honest_rows(rng, 8 * count + 50), honest_rows(rng, 8 * count + 50)
    apart = model(first)[:, 0] > 0.5
    other = model(second)[:, 0] > 0.5
    low, high = first[apart & ~other][:count], second[apart & ~other][:count]
    for _ in range(8):
        middle = (low + high) / 2
        side = (model(middle)[:, 0] > 0.5)[:, None]
        low, high = np.where(side, middle, low), np.where(side, high, middle)
    return np.round(low, 2)


def batch_of(rows: list[FloatArray], prefix: str = "honest", at: float = 0.0) -> Batch:
    """Accounts with these rows, one array an account, each row its own request, a second apart."""
    sizes = [len(one) for one in rows]
    inputs = np.concatenate(rows)
    names = tuple(f"{prefix}-{number}" for number in range(len(rows)))
    accounts = np.repeat(np.arange(len(rows)), sizes)
    times = at + np.arange(len(inputs), dtype=np.float64)
    return Batch(names, accounts, times, np.arange(len(inputs)), inputs=inputs, scores=model(inputs))


def honest_batch(accounts: int, rows: int, seed: int, prefix: str = "honest") -> Batch:
    """So many customers with so many rows each."""
    rng = np.random.default_rng(seed)
    return batch_of([honest_rows(rng, rows) for _ in range(accounts)], prefix)


def exchange(account: str, rows: FloatArray, at: float = 0.0, *, name: str = "model") -> Exchange:
    """One completed request."""
    caller = Caller(Account(account), "", "192.0.2.1", Basis.KEY)
    query = Query(f"{account}-{at}", caller, name, at, Inputs(InputKind.NUMBERS, len(rows), rows), Cost(len(rows)))
    answer = Answer((Output("scores", OutputKind.SCORES, model(rows)),))
    return Exchange(query, Decision(True, True, "admitted", 0.0, Standing.GOOD, Contract()), answer, answer)
