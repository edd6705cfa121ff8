from __future__ import annotations

from importlib.resources import files

import pytest

from moatkeeper.config.load import parse, settings_of
from moatkeeper.demo.run import LINEAR_ROLE, ROLES, Plan
from moatkeeper.limits.base import Scope, Unit


@pytest.mark.parametrize(
    ("budget", "rungs"),
    [(50, (50,)), (120, (50, 100, 120)), (5_000, (50, 100, 200, 500, 1_000, 2_000, 5_000)), (6_000, (*Plan().rungs, 6_000))],
)
def test_the_ladder_ends_with_the_budget(budget: int, rungs: tuple[int, ...]) -> None:
    assert Plan(budget=budget).rungs == rungs


def test_thieves_of_different_runs_never_share_a_seed() -> None:
    seeds = [seed for run in range(5) for seed in Plan(seed=run, repetitions=20).seeds]
    assert len(set(seeds)) == 100


def test_every_theft_has_accounts_of_its_own() -> None:
    plan = Plan(repetitions=3)
    names = [name for role in (*ROLES, LINEAR_ROLE) for repetition in range(3) for name in role.names(repetition)]
    assert len(set(names)) == len(names) == 3 * (1 + 10 + 1 + 1 + 1)
    assert set(names) < set(plan.cast)


def test_the_limits_that_the_report_computes_with_are_those_that_the_gateway_enforces() -> None:
    settings = settings_of(parse(files("moatkeeper.demo").joinpath("demo.toml").read_text(), "demo.toml"))
    assert settings.limits.mode == "enforce"
    for role in (*ROLES, LINEAR_ROLE):
        (limit,) = settings.tiers[role.tier].limits
        assert (limit.scope, limit.unit, limit.amount, limit.per) == (Scope.ACCOUNT, Unit.ROWS, role.rows_per_hour, 3600.0)
        assert settings.tiers[role.tier].contract.label_only == (role.id == "one_labels_account")


def test_every_account_of_the_cast_has_a_tier_that_the_configuration_declares() -> None:
    settings = settings_of(parse(files("moatkeeper.demo").joinpath("demo.toml").read_text(), "demo.toml"))
    assert set(Plan().cast.values()) <= set(settings.tiers)
