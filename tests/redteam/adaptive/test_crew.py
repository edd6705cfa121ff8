from __future__ import annotations

from collections import Counter
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.core.caller import Basis
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import FloatArray, Query
from moatkeeper.errors import UsageError
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.policy import Policy, Tier
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.redteam.adaptive.crew import Crew
from moatkeeper.redteam.adaptive.crew_plan import Allocation, Canary, CrewPlan, OnDetection, OnRefusal, Timing
from moatkeeper.redteam.attacks.equations import Equations
from moatkeeper.redteam.expenses import DAY_S, PriceList
from moatkeeper.redteam.harness import climb
from moatkeeper.redteam.judges import row_judge
from moatkeeper.redteam.knowledge import knowledge_of
from moatkeeper.redteam.trade import ROWS
from moatkeeper.redteam.world import World
from moatkeeper.store.memory import InMemory

HOUR_S = 3600.0
HOURLY = Limit(Scope.ACCOUNT, Unit.ROWS, 40, per_s=HOUR_S)
PRICES = PriceList(per_row=0.01, per_request=0.02, per_account=1.0, per_proxy=0.5)


def model(rows: FloatArray) -> FloatArray:
    positive = 1 / (1 + np.exp(-rows.sum(axis=1)))
    return np.column_stack([1 - positive, positive])


def guard(*limits: Limit, contract: Contract | None = None) -> Guard:
    own = tuple(limit for limit in limits if limit.scope is not Scope.ALL)
    shared = tuple(limit for limit in limits if limit.scope is Scope.ALL)
    tier = Tier("default", own, contract or Contract(decimals=None))
    return Guard(Policy({"default": tier}, shared=shared, shadow=False), LeastOutput())


def rows(count: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(count, 3))


class Watch:
    """Counts by itself what a world sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[Query, bool]] = []

    def __call__(self, query: Query, decision: Decision | None) -> None:
        self.seen.append((query, decision is None or decision.admitted))

    @property
    def answered(self) -> int:
        return sum(query.inputs.rows for query, admitted in self.seen if admitted)

    def times(self, account: str) -> list[float]:
        return [query.at for query, _ in self.seen if query.caller.account.id == account]


def crew(plan: CrewPlan, *limits: Limit, seed: int = 0) -> tuple[Crew, World, Watch]:
    watch = Watch()
    world = World(model, guard(*limits), start=1_000_000.0, watch=watch)
    return Crew(world, plan, np.random.default_rng(seed), rows(200, seed=9)), world, watch


plans = st.builds(
    CrewPlan,
    accounts=st.integers(1, 6),
    proxies=st.integers(1, 4),
    rotate=st.booleans(),
    allocation=st.sampled_from(Allocation),
    timing=st.sampled_from(Timing),
    on_refusal=st.sampled_from(OnRefusal),
    rows_per_request=st.integers(1, 60),
    limits=st.sampled_from([(), (HOURLY,)]),
    start_days=st.sampled_from([0.0, 2.0]),
    days=st.sampled_from([0.0, 0.05, 3.0]),
    money=st.sampled_from([0.0, 1.0, 3.7, inf]),
    prices=st.just(PRICES),
    canary=st.sampled_from([None, Canary(every=2, rows=2), Canary(every=3, action=OnDetection.STOP)]),
)


@settings(max_examples=150, deadline=None)
@given(plans, st.sampled_from([(), (HOURLY,), (Limit(Scope.ALL, Unit.ROWS, 30, per_s=HOUR_S),)]), st.integers(0, 120))
def test_expenses_are_what_the_world_saw_and_no_end_is_passed(plan: CrewPlan, limits: tuple[Limit, ...], count: int) -> None:
    member, world, watch = crew(plan, *limits)
    got = [member.ask(rows(count)), member.ask(rows(7, seed=1))]
    spent = member.spent
    assert spent.requests == len(watch.seen)
    assert spent.refused == sum(not admitted for _, admitted in watch.seen)
    assert spent.accounts == len({query.caller.account.id for query, _ in watch.seen}) <= plan.accounts
    assert spent.proxies == len({query.caller.address for query, _ in watch.seen}) <= plan.proxies
    assert spent.extra_rows == watch.answered - len(got[0]) - len(got[1])
    assert member.answered == watch.answered
    assert 0 <= spent.elapsed_s <= plan.days * DAY_S
    assert spent.elapsed_s <= world.now - 1_000_000.0
    assert plan.prices.total(watch.answered - spent.extra_rows, spent) <= plan.money + 1e-6
    assert all(query.at <= 1_000_000.0 + plan.days * DAY_S for query, _ in watch.seen)
    assert np.array_equal(got[0], model(rows(count))[: len(got[0])]) or not len(got[0])
    if len(got[0]) < count:
        assert member.ended or plan.on_refusal is OnRefusal.LEAVE
    if member.ended:
        assert member.ask(rows(3)).size == 0
        assert len(watch.seen) == spent.requests


def test_one_account_behind_a_limit_gets_no_more_than_the_limit_in_any_window() -> None:
    for refusal in OnRefusal:
        plan = CrewPlan(on_refusal=refusal, days=1 / 24, rows_per_request=7)
        member, _, watch = crew(plan, HOURLY)
        assert len(member.ask(rows(200))) <= watch.answered <= 40
        assert watch.answered >= 35


def test_more_accounts_get_as_many_times_the_limit() -> None:
    for accounts in (1, 5, 20):
        plan = CrewPlan(accounts=accounts, on_refusal=OnRefusal.LEAVE, rows_per_request=10)
        member, world, _ = crew(plan, HOURLY)
        assert len(member.ask(rows(2_000))) == 40 * accounts
        assert not member.ended
        world.advance(world.now + 1.1 * HOUR_S)
        assert len(member.ask(rows(10))) == 10


def test_waiting_and_moving_on_take_the_same_from_all_accounts_but_waiting_needs_fewer_refusals() -> None:
    spent = {}
    for refusal in (OnRefusal.WAIT, OnRefusal.NEXT):
        member, _, _ = crew(CrewPlan(accounts=3, on_refusal=refusal, rows_per_request=10), HOURLY)
        assert len(member.ask(rows(400))) == 400
        spent[refusal] = member.spent
    assert 2 * HOUR_S < spent[OnRefusal.WAIT].elapsed_s < 4 * HOUR_S
    assert 2 * HOUR_S < spent[OnRefusal.NEXT].elapsed_s < 4 * HOUR_S
    assert 0 < spent[OnRefusal.WAIT].refused <= spent[OnRefusal.NEXT].refused


@pytest.mark.parametrize("fraction", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("burst", [None, 15.0])
def test_a_crew_under_the_limits_is_never_refused_and_uses_its_fraction(
    fraction: float, shared: bool, burst: float | None
) -> None:
    own = Limit(Scope.ACCOUNT, Unit.ROWS, 40, per_s=HOUR_S, burst=burst)
    requests = Limit(Scope.KEY, Unit.REQUESTS, 9, per_s=HOUR_S)
    together = (Limit(Scope.ALL, Unit.ROWS, 60, per_s=HOUR_S),) if shared else ()
    plan = CrewPlan(
        accounts=3,
        timing=Timing.UNDER_LIMITS,
        limits=(own, requests, *together),
        fraction=fraction,
        days=1.0,
        rows_per_request=8,
    )
    member, _, watch = crew(plan, own, requests, *together)
    answered = len(member.ask(rows(4_000)))
    assert member.spent.refused == 0
    possible = 24 * fraction * (60 if shared else 3 * min(40, 8 * 9))
    assert 0.6 * possible <= answered <= 1.05 * possible
    assert watch.answered == answered


def test_a_hasty_crew_at_the_same_limit_is_refused() -> None:
    member, _, _ = crew(CrewPlan(accounts=3, days=1.0, rows_per_request=8), HOURLY)
    member.ask(rows(4_000))
    assert member.spent.refused > 20


def test_people_ask_at_work_in_sessions_with_uneven_gaps_and_begin_apart() -> None:
    plan = CrewPlan(accounts=8, timing=Timing.HUMAN, rows_per_request=2, start_days=5, days=14)
    member, _, watch = crew(plan)
    member.ask(rows(2_000))
    hours = Counter[int]()
    for number in range(8):
        times = watch.times(f"crew-{number}")
        gaps = np.diff(times)
        assert np.median(gaps) > 10
        assert gaps.max() > 6 * HOUR_S, "nights"
        assert len({int(at // DAY_S) for at in times}) >= 2
        hours.update({int(at % DAY_S // HOUR_S) for at in times})
    assert max(watch.times(f"crew-{number}")[0] for number in range(8)) > min(at.at for at, _ in watch.seen) + DAY_S
    weekdays = {int((query.at // DAY_S + 3) % 7) for query, _ in watch.seen}
    assert len(weekdays) <= 7
    one = CrewPlan(timing=Timing.HUMAN, rows_per_request=2, days=30)
    alone, _, seen = crew(one, seed=2)
    alone.ask(rows(1_200))
    assert len({int(query.at % DAY_S // HOUR_S) for query, _ in seen.seen}) <= 12, "one time zone's working hours"


def test_topics_and_regions_give_each_account_rows_that_lie_together() -> None:
    asked = rows(600, seed=3)
    spread = {}
    for allocation in Allocation:
        plan = CrewPlan(accounts=8, allocation=allocation, rows_per_request=5)
        member, _, watch = crew(plan)
        assert np.array_equal(member.ask(asked), model(asked))
        assert member.spent.accounts == 8
        inside = []
        for number in range(8):
            own = [query.inputs.numbers() for query, _ in watch.seen if query.caller.account.id == f"crew-{number}"]
            inside.append(np.concatenate(own).var(axis=0).sum())
        spread[allocation] = float(np.mean(inside))
    assert spread[Allocation.TOPIC] < 0.6 * spread[Allocation.ROUND_ROBIN]
    assert spread[Allocation.REGION] < 0.6 * spread[Allocation.ROUND_ROBIN]


def test_addresses_are_kept_or_rotated() -> None:
    for rotate in (False, True):
        member, _, watch = crew(CrewPlan(accounts=4, proxies=3, rotate=rotate, rows_per_request=1))
        member.ask(rows(60))
        places = {query.caller.account.id: set[str]() for query, _ in watch.seen}
        for query, _ in watch.seen:
            places[query.caller.account.id].add(query.caller.address)
        assert all(len(own) == (3 if rotate else 1) for own in places.values())
        assert member.spent.proxies == 3


def test_rotation_escapes_a_limit_by_address_where_identity_is_not_checked() -> None:
    by_address = Limit(Scope.ADDRESS, Unit.ROWS, 20, per_s=HOUR_S)
    world = World(model, Guard(Policy({"default": Tier("default")}, shared=(by_address,), shadow=False), LeastOutput()))
    got = {}
    for proxies in (1, 10):
        plan = CrewPlan(
            proxies=proxies,
            rotate=True,
            on_refusal=OnRefusal.LEAVE,
            rows_per_request=1,
            basis=Basis.BEARER,
            name=f"crew{proxies}",
            network=f"198.{proxies + 18}",
        )
        got[proxies] = len(Crew(world, plan, np.random.default_rng(0)).ask(rows(500)))
    assert got == {1: 20, 10: 200}


def test_a_batch_that_never_fits_is_halved_and_an_ended_account_is_left() -> None:
    tiny = Limit(Scope.ACCOUNT, Unit.ROWS, 6, per_s=HOUR_S)
    member, _, _ = crew(CrewPlan(rows_per_request=50), tiny)
    assert len(member.ask(rows(12))) == 12
    memory = InMemory()
    memory.stand("crew-0", Standing.SUSPENDED)
    world = World(model, guard(), memory=memory)
    two = Crew(world, CrewPlan(accounts=2, rows_per_request=4), np.random.default_rng(0))
    assert len(two.ask(rows(40))) == 40
    assert two.spent.refused == 3, "4, 2 and 1 rows"
    memory.stand("crew-1", Standing.SUSPENDED)
    assert two.ask(rows(4)).size == 0
    assert two.ended == "no account is left"


class Turning:
    """A model that answers otherwise from some row on, as a guard would that has seen enough."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, asked: FloatArray) -> FloatArray:
        self.left -= len(asked)
        return model(asked) if self.left >= 0 else model(-asked)


@pytest.mark.parametrize("action", OnDetection)
def test_a_canary_notices_changed_answers_and_the_crew_ends(action: OnDetection) -> None:
    canary = Canary(every=5, rows=2, action=action)
    member = Crew(World(Turning(100)), CrewPlan(accounts=3, rows_per_request=4, canary=canary), np.random.default_rng(0))
    answered = len(member.ask(rows(1_000)))
    assert 100 < answered + member.spent.extra_rows < 200
    assert member.ended == ("a probe suggests detection" if action is OnDetection.STOP else "no account is left")


def test_without_a_canary_or_without_a_change_nothing_is_noticed() -> None:
    blind = Crew(World(Turning(100)), CrewPlan(rows_per_request=4), np.random.default_rng(0))
    assert len(blind.ask(rows(1_000))) == 1_000
    calm = Crew(World(model), CrewPlan(rows_per_request=4, canary=Canary(every=5, rows=2)), np.random.default_rng(0))
    assert len(calm.ask(rows(1_000))) == 1_000
    assert calm.spent.extra_rows == 2 * (calm.spent.requests - 250)
    assert calm.spent.requests > 300


def test_a_campaign_through_a_crew_is_scored_and_billed_like_any_other() -> None:
    pool, held_out = rows(300, seed=4), rows(200, seed=5)
    member, _, _ = crew(CrewPlan(accounts=2, rows_per_request=10), HOURLY)
    judge = row_judge(model, held_out, np.random.default_rng(0), transfers=False)
    scores = climb(Equations(knowledge_of(pool, 2)), member, judge, ROWS, [20, 200], seed=0)
    assert scores[-1].queries == 200
    assert scores[-1].fidelity > 0.99
    assert scores[0].spent.elapsed_s < 60
    assert scores[-1].spent.elapsed_s > HOUR_S
    assert scores[-1].spent.accounts == 2


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    for wrong in ({"accounts": 0}, {"fraction": 0.0}, {"days": -1.0}):
        with pytest.raises(UsageError):
            CrewPlan(**wrong)
    with pytest.raises(UsageError, match="rows of the thief's own"):
        Crew(World(model), CrewPlan(allocation=Allocation.TOPIC), np.random.default_rng(0))
