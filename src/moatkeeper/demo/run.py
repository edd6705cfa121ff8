"""One run of the demo: customers and thieves on a stage, and what was measured of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from moatkeeper.demo.credit import Split, load, split
from moatkeeper.demo.customers import CUSTOMERS, Experience, compare
from moatkeeper.demo.stage import Stage
from moatkeeper.demo.theft import LADDER, Campaign, Prize, Thief, WithoutApi, judge_of, steal, without_api
from moatkeeper.demo.victim import LINEAR, TREES
from moatkeeper.redteam.client import PredictClient

FARM_ACCOUNTS = 10
FREE_ROWS_PER_HOUR = 100
ENTERPRISE_ROWS_PER_HOUR = 10_000
COLUMNS = 23
LINEAR_LADDER = (COLUMNS + 1, FREE_ROWS_PER_HOUR)
"""Equation solving needs one answer for each weight and one for the constant; a free account's hour gives more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. ``repetitions`` is the number of thieves of each kind, each with its own draw of rows."""

    seed: int = 0
    repetitions: int = 3
    budget: int = LADDER[-1]

    @property
    def rungs(self) -> tuple[int, ...]:
        """The query counts at which copies are scored; the budget is the last."""
        return (*(rung for rung in LADDER if rung < self.budget), self.budget)

    @property
    def seeds(self) -> tuple[int, ...]:
        """One for each thief of a kind, different from every other run's seeds."""
        return tuple(range(1_000 * self.seed, 1_000 * self.seed + self.repetitions))


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that one run measured."""

    plan: Plan
    held_out_rows: int
    model_accuracy: float
    without_api: WithoutApi
    bare: Campaign
    guarded: tuple[Campaign, ...]  # the first is one free account, the story's thief
    linear_bare: Campaign
    linear_guarded: Campaign
    honest: Experience


def perform(stage: Stage, plan: Plan, tell: Callable[[str], None]) -> Findings:
    """The findings of one run; ``tell`` is called with each step as it begins."""
    parts = split(load(), plan.seed)
    tell("honest customers ask, bare and guarded")
    honest = _honest(stage, parts)
    tell("the judge asks for the truth")
    with PredictClient(stage.bare_url, TREES) as trees, PredictClient(stage.bare_url, LINEAR) as linear:
        prize = Prize(TREES, "retrain", judge_of(trees, parts.held_out, plan.seed))
        old_prize = Prize(LINEAR, "equations", judge_of(linear, parts.held_out, plan.seed))
    bare, *guarded = (_stolen(thief, prize, plan.rungs, parts, plan, tell) for thief in _thieves(stage, plan))
    linear_bare, linear_guarded = (
        _stolen(thief, old_prize, LINEAR_LADDER, parts, plan, tell)
        for thief in (_bare_thief(stage, plan), _free_thief(stage, plan))
    )
    judge = prize.judge
    return Findings(
        plan=plan,
        held_out_rows=len(judge.rows),
        model_accuracy=float((judge.truth.argmax(axis=1) == judge.outcomes).mean()),
        without_api=without_api(parts, judge),
        bare=bare,
        guarded=tuple(guarded),
        linear_bare=linear_bare,
        linear_guarded=linear_guarded,
        honest=honest,
    )


def _honest(stage: Stage, parts: Split) -> Experience:
    keys = {customer.name: stage.open_accounts([customer.name], customer.tier)[0] for customer in CUSTOMERS}
    with PredictClient(stage.bare_url, TREES) as bare, PredictClient(stage.gateway_url, TREES) as guarded:
        return compare(bare, guarded, keys, parts.customers.rows)


def _stolen(
    thief: Thief, prize: Prize, rungs: tuple[int, ...], parts: Split, plan: Plan, tell: Callable[[str], None]
) -> Campaign:
    steps = iter(range(1, plan.repetitions + 1))
    tell(f"theft of {prize.model}: {thief.title}")
    return steal(
        thief,
        prize,
        parts.pool.rows,
        rungs,
        plan.seeds,
        lambda: tell(f"  {thief.title}: {next(steps)}/{plan.repetitions} done"),
    )


def _bare_thief(stage: Stage, plan: Plan) -> Thief:
    return Thief("bare", "bare", stage.bare_url, (("",),) * plan.repetitions, None)


def _free_thief(stage: Stage, plan: Plan) -> Thief:
    return _guarded_thief(stage, plan, "one_free_account", "1 free account", "free", FREE_ROWS_PER_HOUR)


def _thieves(stage: Stage, plan: Plan) -> tuple[Thief, ...]:
    """Everybody who tries: the bare one first, then the one with a single free account."""
    farm = f"{FARM_ACCOUNTS} free accounts"
    hourly = ENTERPRISE_ROWS_PER_HOUR
    return (
        _bare_thief(stage, plan),
        _free_thief(stage, plan),
        _guarded_thief(stage, plan, "free_account_farm", farm, "free", FREE_ROWS_PER_HOUR, FARM_ACCOUNTS),
        _guarded_thief(stage, plan, "one_enterprise_account", "enterprise account", "enterprise", hourly),
        _guarded_thief(stage, plan, "one_labels_account", "enterprise, labels only", "labels", hourly),
    )


def _guarded_thief(stage: Stage, plan: Plan, name: str, title: str, tier: str, rows_per_hour: int, accounts: int = 1) -> Thief:
    """A thief behind the gateway, who opens fresh accounts for each repetition."""
    names = [f"{name}-{number}" for number in range(accounts)]
    keys = tuple(stage.open_accounts(names, tier) for _ in range(plan.repetitions))
    return Thief(name, title, stage.gateway_url, keys, accounts * rows_per_hour)
