"""Findings with figures that can be checked by hand."""

from __future__ import annotations

import pytest

from moatkeeper.demo.customers import Experience
from moatkeeper.demo.run import LINEAR_LADDER, LINEAR_ROLE, ROLES, Findings, Plan
from moatkeeper.demo.theft import Campaign, Thief, WithoutApi
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.harness import Score


def _score(budget: int, answered: int, fidelity: float) -> Score:
    figures = {"fidelity": fidelity, "fidelity_uniform": 0.5, "total_variation": 0.1, "accuracy": 0.75}
    return Score(budget, answered, budget - answered, Expenses(), figures)


def _campaign(thief: Thief, rungs: tuple[int, ...], allowance: int, fidelity: float) -> Campaign:
    """Two repetitions, 0.02 apart around a fidelity that grows by 0.01 a rung while the allowance lasts."""
    repetitions = []
    for shift in (-0.01, 0.01):
        answered = [min(rung, allowance) for rung in rungs]
        steps = [sum(other < rows for other in rungs) for rows in answered]
        scores = zip(rungs, answered, steps, strict=True)
        repetitions.append(tuple(_score(rung, rows, fidelity + shift + 0.01 * step) for rung, rows, step in scores))
    return Campaign(thief, tuple(repetitions))


@pytest.fixture
def findings() -> Findings:
    """A run of two repetitions up to 200 rows: 0.83 bare at the end, 0.72 with one free account, which got 100 rows."""
    plan = Plan(seed=4, repetitions=2, budget=200)
    nobody = Thief("bare", "bare", "", (("",),) * 2, None)
    guarded = []
    for role in ROLES:
        rows = role.rows_per_hour * role.accounts
        guarded.append(_campaign(Thief(role.id, role.title, "", (("",),) * 2, rows), plan.rungs, rows, 0.71))
    one = Thief(LINEAR_ROLE.id, LINEAR_ROLE.title, "", (("",),) * 2, LINEAR_ROLE.rows_per_hour)
    return Findings(
        plan=plan,
        held_out_rows=3_000,
        model_accuracy=0.75,
        without_api=WithoutApi(0.6, 500, 0.65),
        bare=_campaign(nobody, plan.rungs, 10**9, 0.81),
        guarded=tuple(guarded),
        linear_bare=_campaign(nobody, LINEAR_LADDER, 10**9, 0.95),
        linear_guarded=_campaign(one, LINEAR_LADDER, 100, 0.9),
        honest=Experience(5, 2_695, 2_695, 0, 0, 0.0025, 0.0098, 1.0, 1.5),
    )
