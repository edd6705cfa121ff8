from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moatkeeper.config.load import parse, settings_of
from moatkeeper.config.policy import policy
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Standing
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.ladder import Rules
from moatkeeper.guard.policy import Policy, Tier
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.outputs.coarser import Coarser
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.registry import DETECTORS
from moatkeeper.patterns.watch import Watch
from moatkeeper.redteam.adaptive.crew import Crew
from moatkeeper.redteam.adaptive.crew_plan import CrewPlan, OnRefusal
from moatkeeper.redteam.client import PredictClient
from moatkeeper.redteam.victims import HttpVictim
from moatkeeper.redteam.world import MODEL, World
from tests.support.honest import honest_batch, thief_rows
from tests.support.honest import model as plane
from tests.support.predictions import predicting
from tests.support.servers import gateway

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


class Fragile:
    """A model that fails once, or answers too few rows."""

    def __init__(self, wrong: FloatArray | None) -> None:
        self.wrong = wrong
        self.failed = False

    def __call__(self, asked: FloatArray) -> FloatArray:
        if self.failed:
            return model(asked)
        self.failed = True
        if self.wrong is None:
            raise MoatkeeperError("the model is away")
        return self.wrong


@pytest.mark.parametrize("wrong", [None, np.ones((2, 2)), np.ones(10)])
def test_a_model_that_fails_gives_its_rows_back_as_behind_the_gateway(wrong: FloatArray | None) -> None:
    world = World(Fragile(wrong), guard(amount=10))
    with pytest.raises(MoatkeeperError):
        world.ask(ACME, rows(10))
    assert world.ask(ACME, rows(10)).answers is not None
    assert world.ask(ACME, rows(1)).answers is None


SAME = """
[limits]
mode = "enforce"
default_tier = "small"

[tiers.small]
limits = [{ scope = "account", unit = "rows", amount = 200 }]

[models.coarse]
contract = { decimals = 1 }

[models.best]
contract = { top_k = 2, decimals = 3 }

[models.bare]
contract = { label_only = true }
"""


def three_classes(asked: FloatArray, key: str = "") -> FloatArray:
    powers = np.exp(asked @ np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0], [0.5, 0.5, 0.5]]))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_a_crew_in_the_world_gets_what_the_gateway_gives_over_http(tmp_path: Path) -> None:
    guarding = policy(settings_of(parse(SAME, "moatkeeper.toml")))
    asked = rows(260)
    with predicting(three_classes) as upstream, gateway(upstream, tmp_path, config=SAME) as running:
        for name in ("any", "coarse", "best", "bare"):
            with PredictClient(running.url, name) as client:
                over_http = HttpVictim(client, [f"key-of-{name}"])
                outside = over_http.ask(asked)
            world = World(three_classes, Guard(guarding, LeastOutput()), name=name)
            crew = Crew(world, CrewPlan(on_refusal=OnRefusal.LEAVE, basis=Basis.BEARER), np.random.default_rng(0))
            inside = crew.ask(asked)
            assert len(inside) == 200, "four requests of 50 rows, and no fifth"
            assert np.array_equal(inside, outside), name
            assert (crew.spent.requests, crew.spent.refused) == (over_http.spent.requests, over_http.spent.refused)
            assert not np.array_equal(inside, three_classes(asked[:200])), "the contract took something away"


def watching(*, act: bool) -> World:
    """The honest plane's model behind detectors that know its customers."""
    detectors = {name: DETECTORS[name] for name in ("low-margin", "near-duplicates")}
    calibration = Calibration.fit(MODEL, honest_batch(2_500, 16, seed=1), detectors)
    policy = Policy(
        {"free": Tier("free", (), Contract(decimals=2))},
        default_tier="free",
        coarser={Standing.RESTRICTED: Coarser(decimals=1)},
        rules=Rules(act=act),
    )
    return World(plane, Guard(policy, LeastOutput(), Watch({MODEL: calibration})))


@pytest.mark.parametrize("act", [True, False])
def test_detectors_change_standings_in_a_world_as_at_a_gateway_and_answers_follow(act: bool) -> None:
    world = watching(act=act)
    probe = np.array([[0.9, 0.2, 1.0, 0.1, 0.0, 0.0]])
    before = world.ask(ACME, probe).answers
    for row in thief_rows(np.random.default_rng(2), 40):
        world.advance(world.now + 1)
        world.ask(ACME, row[None])
    world.advance(world.now + 1)
    after = world.ask(ACME, probe).answers
    assert before is not None
    assert after is not None
    assert world.memory.standing("acme") is (Standing.RESTRICTED if act else Standing.GOOD)
    assert after.tolist() == np.round(plane(probe), 1 if act else 2).tolist()
    assert before.tolist() == np.round(plane(probe), 2).tolist()
