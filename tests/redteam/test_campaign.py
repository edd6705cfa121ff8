from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Query
from moatkeeper.guard.guard import Guard, Policy
from moatkeeper.guard.memory import Memory
from moatkeeper.outputs.base import OutputPolicy
from moatkeeper.redteam import campaign as module
from moatkeeper.redteam.adaptive.crew_plan import OnRefusal, Timing
from moatkeeper.redteam.campaign import campaign
from moatkeeper.redteam.campaign_findings import Campaign
from moatkeeper.redteam.expenses import DAY_S, PriceList
from moatkeeper.redteam.plan import START, Intervention, Plan
from moatkeeper.redteam.rehearsal_document import campaign_document
from tests.support.campaigns import DAYS, guard, plan, scene, thief

SCENE = scene()
WITHOUT_API = SCENE.judge.figures(SCENE.without_api, frozenset(), thorough=False)["fidelity"]
FARM = thief("farm", accounts=30, proxies=30, rows_per_request=2)


@pytest.fixture(scope="module")
def together() -> Campaign:
    """A hasty thief, a farm and a patient one before a guard, among honest customers."""
    patient = thief("patient", timing=Timing.HUMAN, on_refusal=OnRefusal.WAIT, rows_per_request=3)
    return campaign("guard", guard(60.0), SCENE, plan(thief("hasty"), FARM, patient))


def test_theft_works_on_the_bare_model_and_beats_the_copy_made_without_the_api() -> None:
    theft = campaign("bare", None, SCENE, plan(thief())).thefts[0]
    assert theft.scores[-1].fidelity > 0.99 > WITHOUT_API
    assert (theft.rows, theft.ended, theft.refusals.rows) == (300, "", {})


def test_equal_seeds_give_equal_reports_and_other_seeds_do_not(together: Campaign) -> None:
    thieves = [one.thief for one in together.thefts]
    again, other = (
        campaign("guard", guard(60.0), SCENE, plan(*(replace(one, seed=seed) for one in thieves))) for seed in (0, 1)
    )
    prices = PriceList()
    assert campaign_document(again, prices) == campaign_document(together, prices)
    assert campaign_document(other, prices) != campaign_document(together, prices)


def test_every_row_that_a_thief_got_was_admitted_by_the_guard_and_is_counted_once(together: Campaign) -> None:
    for theft in together.thefts:
        admitted = sum(together.admitted_rows.get(account, 0) for account in theft.thief.accounts)
        assert theft.rows == admitted > 0
        last = theft.scores[-1]
        assert last.queries + last.spent.extra_rows == admitted
        assert theft.money == pytest.approx(PriceList().total(admitted, theft.spent))
    hostile = {account for theft in together.thefts for account in theft.thief.accounts}
    honest = sum(rows for account, rows in together.admitted_rows.items() if account not in hostile)
    assert honest == together.harm.rows - together.harm.refused_rows


class Listening(Guard):
    """A guard that writes down when each query came, and from whom."""

    def __init__(self, policy: Policy, outputs: OutputPolicy) -> None:
        super().__init__(policy, outputs)
        self.heard: list[tuple[float, str]] = []

    def admit(self, query: Query, memory: Memory) -> Decision:
        self.heard.append((query.at, query.caller.account.id.split("-")[0]))
        return super().admit(query, memory)


def test_the_guard_hears_everybody_in_the_order_of_time() -> None:
    listening = Listening(guard().policy, guard().outputs)
    made = campaign("guard", listening, SCENE, plan(FARM, thief("hasty")))
    times = [at for at, _ in listening.heard]
    assert times == sorted(times)
    assert len(times) == made.requests
    assert {"farm", "hasty"} < {name for _, name in listening.heard}
    first = {name: next(index for index, (_, one) in enumerate(listening.heard) if one == name) for name in ("farm", "hasty")}
    assert first["hasty"] < 100, "thieves take turns: none waits until the other has done"


def test_thieves_wait_as_the_limits_make_them(together: Campaign) -> None:
    hasty = together.thefts[0]
    assert hasty.spent.days > 300 / 60 / 24 * 0.75
    assert hasty.spent.refused > 0
    assert hasty.refusals.rows.keys() == {"limit:account:rows:3600"}
    assert hasty.first_refusal_day is not None
    bare = campaign("bare", None, SCENE, plan(thief())).thefts[0]
    assert bare.spent.days < 0.01


def test_tiny_limits_stop_the_thief() -> None:
    """The negative control of every theft above."""
    theft = campaign("tiny", guard(0.5), SCENE, plan(thief(attack="retrain"))).thefts[0]
    assert theft.rows == 0
    assert theft.ended == "no account is left"
    assert theft.scores[-1].fidelity == WITHOUT_API


def test_limits_that_let_little_through_end_the_theft_with_the_campaign() -> None:
    theft = campaign("slow", guard(1.0), SCENE, plan(thief(on_refusal=OnRefusal.WAIT, rows_per_request=1))).thefts[0]
    assert 60 <= theft.rows <= DAYS * 24 + 1
    assert "days are over" in theft.ended
    assert [score.queries for score in theft.scores][-1] == theft.rows
    assert theft.spent.days <= DAYS


def test_a_thief_without_money_has_the_copy_that_he_could_make_without_asking() -> None:
    made = campaign("bare", None, SCENE, plan(thief(money=0.0)))
    theft = made.thefts[0]
    assert (theft.rows, theft.money, theft.spent.requests) == (0, 0.0, 0)
    assert "dollars are spent" in theft.ended
    assert theft.scores[-1].fidelity == made.without_api.fidelity == WITHOUT_API


def test_money_is_a_hard_limit() -> None:
    prices = PriceList(per_row=0.01, per_account=0.5)
    theft = campaign("bare", None, SCENE, replace(plan(thief(money=1.73)), prices=prices)).thefts[0]
    assert theft.money <= 1.73
    assert theft.rows == 123
    assert "dollars are spent" in theft.ended


def test_days_are_a_hard_limit_and_begin_with_the_thief() -> None:
    late = replace(thief(days=0.5, on_refusal=OnRefusal.WAIT), begins_day=1.0)
    theft = campaign("guard", guard(10.0), SCENE, plan(late)).thefts[0]
    assert 0 < theft.rows <= 10 * 13
    assert theft.spent.days <= 0.5
    assert theft.first_refusal_day is not None
    assert 1.0 < theft.first_refusal_day < 1.5


def test_an_all_honest_campaign_reports_no_theft_and_a_bare_model_harms_nobody() -> None:
    made = campaign("bare", None, SCENE, plan())
    assert made.thefts == ()
    assert made.notices == ()
    assert made.harm.rows > 0
    assert made.harm.refused_rows == made.harm.labels_changed == made.harm.touched == 0
    assert made.harm.largest_distance == 0.0


def test_a_guard_changes_no_label_moves_scores_by_its_rounding_and_refuses_by_its_limits(together: Campaign) -> None:
    assert together.harm.labels_changed == 0
    assert 0 < together.harm.mean_distance < 0.01
    assert together.harm.largest_distance <= 0.02
    strict = campaign("strict", guard(2.0), SCENE, plan())
    assert strict.harm.refused_rows > together.harm.refused_rows
    assert strict.harm.touched > 0
    assert sum(strict.honest_refusals.rows.values()) == strict.harm.refused_rows


def test_in_shadow_mode_nobody_is_refused_and_what_would_have_been_is_told() -> None:
    made = campaign("shadow", guard(2.0, shadow=True), SCENE, plan(thief()))
    assert made.harm.refused_rows == 0
    assert made.thefts[0].spent.refused == 0
    assert sum(made.thefts[0].refusals.rows.values()) > 0
    assert sum(made.honest_refusals.rows.values()) > 0


def test_nobody_notices_where_only_limits_act(together: Campaign) -> None:
    assert together.notices == ()


def test_a_standing_that_changes_is_told_with_its_day_and_ends_the_theft() -> None:
    acting = replace(
        plan(thief("farm", accounts=3, timing=Timing.HUMAN, rows_per_request=1)),
        interventions=(Intervention(1.5, "farm-*", Standing.SUSPENDED), Intervention(2.0, "probe-*", Standing.WATCHED)),
    )
    made = campaign("guard", guard(), SCENE, acting)
    farm = [notice for notice in made.notices if notice.hostile]
    assert [(notice.day, notice.account, notice.party) for notice in farm] == [(1.5, f"farm-{n}", "farm") for n in range(3)]
    assert all((notice.before, notice.after) == (Standing.GOOD, Standing.SUSPENDED) for notice in farm)
    honest = [notice for notice in made.notices if not notice.hostile]
    assert [(notice.day, notice.party) for notice in honest] == [(2.0, "probe")]
    theft = made.thefts[0]
    assert theft.ended == "no account is left"
    assert theft.spent.days >= 1.5 - 0.5
    assert 0 < theft.rows < 300
    assert theft.refusals.requests["standing:suspended"] > 0


def test_a_second_change_to_the_same_standing_is_no_news() -> None:
    changes: list[str] = []
    memory = module.WatchedMemory(lambda account, before, after: changes.append(f"{account} {before} {after}"))
    for standing in (Standing.WATCHED, Standing.WATCHED, Standing.GOOD):
        memory.stand("a", standing)
    assert changes == ["a good watched", "a watched good"]


def test_thieves_are_worth_the_same_whether_others_steal_beside_them(together: Campaign) -> None:
    """Answers depend on the model and the contract alone; only limits on all callers could couple two thieves."""
    for theft in together.thefts:
        alone = campaign("guard", guard(60.0), SCENE, plan(theft.thief)).thefts[0]
        assert [score.figures for score in alone.scores] == [score.figures for score in theft.scores]
        assert alone.spent == theft.spent


def test_the_days_are_told_in_order() -> None:
    told: list[float] = []
    campaign("bare", None, SCENE, plan(), told.append)
    assert told == [0, 1, 2, 3]


def test_an_interruption_leaves_what_was_measured() -> None:
    def interrupt(day: float) -> None:
        if day == 2:
            raise KeyboardInterrupt

    slow = thief(on_refusal=OnRefusal.WAIT, rows_per_request=1)
    made = campaign("guard", guard(2.0), SCENE, plan(slow), interrupt)
    assert not made.whole
    assert made.days == pytest.approx(2.0)
    assert made.thefts[0].rows > 40
    assert made.thefts[0].scores[-1].queries == made.thefts[0].rows
    assert made.harm.requests > 0


def test_honest_requests_are_those_of_the_population(together: Campaign) -> None:
    people = plan().population
    assert together.harm.requests == len(people.times)
    assert together.harm.rows == len(people.rows)
    by_kind = Counter(customer.kind for customer in people.customers)
    assert {name: harm.customers for name, harm in together.harm_by_kind.items()} == by_kind


def test_a_campaign_without_anybody_passes() -> None:
    made = campaign("bare", None, SCENE, Plan(1.0, plan(customers=0).population, ()))
    assert (made.days, made.requests) == (1.0, 0)


def test_the_clock_begins_at_the_start_and_ends_with_the_last_day(together: Campaign) -> None:
    assert together.days == pytest.approx(DAYS)
    assert START % DAY_S == 0
    assert np.isfinite(together.thefts[1].spent.elapsed_s)
