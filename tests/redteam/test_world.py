from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.policy import Policy, Tier
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.redteam.world import World

ACME = Caller(Account("acme", tier="free"), "key-1", "192.0.2.1", Basis.KEY)


def model(rows: FloatArray) -> FloatArray:
    positive = 1 / (1 + np.exp(-rows.sum(axis=1)))
    return np.column_stack([1 - positive, positive])


def guard(amount: float = 10.0, decimals: int = 2) -> Guard:
    limit = Limit(Scope.ACCOUNT, Unit.ROWS, amount, per_s=3600)
    tier = Tier("free", (limit,), Contract(decimals=decimals))
    return Guard(Policy({"free": tier}, default_tier="free", shadow=False), LeastOutput())


def rows(count: int) -> FloatArray:
    return np.random.default_rng(0).normal(size=(count, 3))


def test_a_bare_world_answers_exactly_and_a_guarded_one_as_its_contract_says() -> None:
    asked = rows(4)
    bare, guarded = World(model).ask(ACME, asked), World(model, guard()).ask(ACME, asked)
    assert bare.answers is not None
    assert guarded.answers is not None
    assert bare.answers.tolist() == model(asked).tolist()
    assert guarded.answers.tolist() == np.round(model(asked), 2).tolist()


def test_a_refusal_tells_how_long_to_wait_and_waiting_that_long_helps() -> None:
    world = World(model, guard(), start=1_000.0)
    assert world.ask(ACME, rows(10)).answers is not None
    refused = world.ask(ACME, rows(1))
    assert refused.answers is None
    assert 0 < refused.retry_after_s <= 3600 * 1.1, refused
    world.advance(world.now + refused.retry_after_s)
    assert world.ask(ACME, rows(1)).answers is not None


def test_events_come_in_the_order_of_their_time_and_the_clock_shows_it() -> None:
    world, seen = World(model), list[tuple[str, float]]()

    def due(name: str, at: float) -> None:
        world.schedule(at, lambda: seen.append((name, world.now)))

    for name, at in (("a", 3.0), ("b", 1.0), ("c", 2.0), ("d", 2.0)):
        due(name, at)
    world.advance(2.5)
    assert seen == [("b", 1.0), ("c", 2.0), ("d", 2.0)]
    assert world.now == 2.5
    with pytest.raises(MoatkeeperError, match="cannot go back"):
        world.advance(2.0)
