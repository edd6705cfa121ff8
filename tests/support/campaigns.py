"""A campaign small enough for a test: a logistic model of four columns, a dozen customers, one guard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.policy import Policy, Tier
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.redteam.adaptive.crew_plan import CrewPlan
from moatkeeper.redteam.judges import row_judge
from moatkeeper.redteam.knowledge import knowledge_of
from moatkeeper.redteam.linear import Constant
from moatkeeper.redteam.plan import START, Plan, Thief
from moatkeeper.redteam.population import KINDS, Kind, populate
from moatkeeper.redteam.scene import Scene

DAYS = 3.0
WEIGHTS = np.array([1.5, -2.0, 1.0, 0.5])


def model(rows: FloatArray) -> FloatArray:
    """Probabilities of two classes, shape (n, 2)."""
    positive = 1 / (1 + np.exp(-(rows @ WEIGHTS) - 0.3))
    return np.column_stack([1 - positive, positive])


def draw(count: int, seed: int) -> FloatArray:
    """Rows of the population, shape (count, 4)."""
    return np.random.default_rng(seed).normal(size=(count, 4))


def scene() -> Scene:
    """Customers, thief and judge with rows of their own; who asks nobody has a constant."""
    judge = row_judge(model, draw(400, 3), np.random.default_rng(0), uniform=200, transfers=False)
    return Scene("small", model, draw(200, 1), knowledge_of(draw(2_000, 2), 2), judge, Constant((0.4, 0.6)))


def guard(amount: float = 100.0, *, decimals: int | None = 2, shadow: bool = False) -> Guard:
    """Rows an hour for a free account, a hundred times as many for an enterprise."""
    contract = FULL_OUTPUT if decimals is None else Contract(decimals=decimals)
    tiers = {
        name: Tier(name, (Limit(Scope.ACCOUNT, Unit.ROWS, each, 3600.0),), contract)
        for name, each in (("free", amount), ("enterprise", 100 * amount))
    }
    return Guard(Policy(tiers, default_tier="free", shadow=shadow), LeastOutput())


def thief(name: str = "thief", *, most_rows: int = 300, attack: str = "equations", seed: int = 0, **crew: object) -> Thief:
    """A hasty free account, but for what is said otherwise."""
    plan = replace(CrewPlan(tier="free", rows_per_request=10, name=name, network=f"198.{len(name)}"), **crew)  # type: ignore[arg-type]
    return Thief(attack, plan, most_rows=most_rows, seed=seed)


def plan(*thieves: Thief, customers: int = 12, seed: int = 0, kinds: tuple[Kind, ...] = tuple(KINDS.values())) -> Plan:
    """Three days."""
    return Plan(DAYS, populate(kinds, customers, scene().rows, DAYS, START, seed), thieves)
