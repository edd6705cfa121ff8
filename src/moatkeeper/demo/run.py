"""One run of the demo: customers and thieves on a stage, and what was measured of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from moatkeeper.demo.credit import Split, load, split
from moatkeeper.demo.customers import CUSTOMERS, Experience, compare
from moatkeeper.demo.stage import Stage
from moatkeeper.demo.theft import LADDER, Campaign, Prize, Thief, WithoutApi, judge_of, steal, without_api
from moatkeeper.demo.victim import LINEAR, TREES
from moatkeeper.redteam.client import PredictClient
from moatkeeper.redteam.knowledge import knowledge_of

FARM_ACCOUNTS = 10
FREE_ROWS_PER_HOUR = 100
ENTERPRISE_ROWS_PER_HOUR = 10_000
COLUMNS = 23
CLASSES = 2
LINEAR_LADDER = (COLUMNS + 1, FREE_ROWS_PER_HOUR)
"""Equation solving needs one answer for each weight and one for the constant; a free account's hour gives more."""


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of thief behind the gateway. ``rows_per_hour`` is what demo.toml gives each of its accounts."""

    id: str
    title: str
    tier: str
    rows_per_hour: int
    accounts: int = 1

    def names(self, repetition: int) -> tuple[str, ...]:
        """The accounts of one repetition of the theft."""
        return tuple(f"{self.id}-{repetition}-{number}" for number in range(self.accounts))


ROLES = (
    Role("one_free_account", "1 free account", "free", FREE_ROWS_PER_HOUR),
    Role("free_account_farm", f"{FARM_ACCOUNTS} free accounts", "free", FREE_ROWS_PER_HOUR, FARM_ACCOUNTS),
    Role("one_enterprise_account", "enterprise account", "enterprise", ENTERPRISE_ROWS_PER_HOUR),
    Role("one_labels_account", "enterprise, labels only", "labels", ENTERPRISE_ROWS_PER_HOUR),
)
LINEAR_ROLE = Role("one_free_account_linear", "1 free account", "free", FREE_ROWS_PER_HOUR)


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

    @property
    def cast(self) -> Mapping[str, str]:
        """The tier of every account that the run needs, by name."""
        tiers = {customer.name: customer.tier for customer in CUSTOMERS}
        for role in (*ROLES, LINEAR_ROLE):
            for repetition in range(self.repetitions):
                tiers |= dict.fromkeys(role.names(repetition), role.tier)
        return tiers


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
        old_prize = Prize(LINEAR, "equations-pool", judge_of(linear, parts.held_out, plan.seed))
    nobody = _bare_thief(stage, plan)
    bare, *guarded = (
        _stolen(thief, prize, plan.rungs, parts, plan, tell)
        for thief in (nobody, *(_guarded_thief(stage, plan, role) for role in ROLES))
    )
    linear_bare, linear_guarded = (
        _stolen(thief, old_prize, LINEAR_LADDER, parts, plan, tell)
        for thief in (nobody, _guarded_thief(stage, plan, LINEAR_ROLE))
    )
    judge = prize.judge.held_out
    return Findings(
        plan=plan,
        held_out_rows=len(judge.questions),
        model_accuracy=float((judge.truth.argmax(axis=1) == parts.held_out.outcomes).mean()),
        without_api=without_api(parts, prize.judge),
        bare=bare,
        guarded=tuple(guarded),
        linear_bare=linear_bare,
        linear_guarded=linear_guarded,
        honest=honest,
    )


def _honest(stage: Stage, parts: Split) -> Experience:
    with PredictClient(stage.bare_url, TREES) as bare, PredictClient(stage.gateway_url, TREES) as guarded:
        return compare(bare, guarded, stage.keys, parts.customers.rows)


def _stolen(
    thief: Thief, prize: Prize, rungs: tuple[int, ...], parts: Split, plan: Plan, tell: Callable[[str], None]
) -> Campaign:
    steps = iter(range(1, plan.repetitions + 1))
    tell(f"theft of {prize.model}: {thief.title}")
    return steal(
        thief,
        prize,
        knowledge_of(parts.pool.rows, CLASSES),
        rungs,
        plan.seeds,
        lambda: tell(f"  {thief.title}: {next(steps)}/{plan.repetitions} done"),
    )


def _bare_thief(stage: Stage, plan: Plan) -> Thief:
    return Thief("bare", "bare", stage.bare_url, (("",),) * plan.repetitions, None)


def _guarded_thief(stage: Stage, plan: Plan, role: Role) -> Thief:
    """A thief behind the gateway, who has accounts of his own for each repetition."""
    keys = tuple(tuple(stage.keys[name] for name in role.names(repetition)) for repetition in range(plan.repetitions))
    return Thief(role.id, role.title, stage.gateway_url, keys, role.rows_per_hour * role.accounts)
