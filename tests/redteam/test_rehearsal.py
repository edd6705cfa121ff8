from __future__ import annotations

import json
from dataclasses import replace

import pytest

from moatkeeper.core.judgement import Standing
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.plan import Intervention
from moatkeeper.redteam.rehearsal import Defence, Rehearsal, rehearse
from moatkeeper.redteam.rehearsal_cells import cells
from moatkeeper.redteam.rehearsal_document import document
from moatkeeper.redteam.rehearsal_text import lasting, text
from tests.support.campaigns import guard, plan, scene, thief

SCENE = scene()
PLAN = plan(thief())
DEFENCES = (Defence("bare", None), Defence("limits", guard(60.0, decimals=None)), Defence("all", guard(60.0)))


@pytest.fixture(scope="module")
def compared() -> Rehearsal:
    return rehearse(SCENE, PLAN, DEFENCES, 0)


def test_every_guard_meets_the_same_customers_and_the_same_thief(compared: Rehearsal) -> None:
    assert compared.whole
    assert [campaign.guard for campaign in compared.campaigns] == ["bare", "limits", "all"]
    assert len({campaign.harm.rows for campaign in compared.campaigns}) == 1
    assert len({tuple(score.budget for score in campaign.thefts[0].scores) for campaign in compared.campaigns}) == 1


def test_limits_alone_cost_time_and_rounding_alone_costs_none(compared: Rehearsal) -> None:
    bare, limits, both = (campaign.thefts[0] for campaign in compared.campaigns)
    assert bare.spent.days < limits.spent.days == both.spent.days
    assert bare.scores[-1].figures["total_variation"] == pytest.approx(limits.scores[-1].figures["total_variation"])
    assert both.scores[-1].figures["total_variation"] > limits.scores[-1].figures["total_variation"]


def test_the_document_is_plain_json_and_says_what_was_measured(compared: Rehearsal) -> None:
    told = json.loads(json.dumps(document([compared])))
    assert told["whole"] is True
    assert told["repetitions"][0]["honest_requests"] == len(PLAN.population.times)
    theft = told["repetitions"][0]["guards"][2]["thieves"][0]
    last = compared.campaigns[2].thefts[0].scores[-1]
    assert theft["scores"][-1]["figures"]["fidelity"] == last.fidelity
    assert theft["price_of"]["0.80"]["queries"] == 50
    assert told["repetitions"][0]["guards"][2]["honest"]["total"]["rows"] == compared.campaigns[2].harm.rows


def test_a_level_that_was_not_reached_has_no_price() -> None:
    poor = rehearse(SCENE, plan(thief(money=0.0)), DEFENCES[:1], 0)
    assert json.loads(json.dumps(document([poor])))["repetitions"][0]["guards"][0]["thieves"][0]["price_of"]["0.99"] is None
    assert "0.99: not reached" in text([poor])


def test_the_text_names_every_guard_every_kind_and_says_that_nobody_noticed(compared: Rehearsal) -> None:
    report = text([compared])
    for words in ("== bare ==", "== limits ==", "== all ==", "== compared (one seed", "nightly", "tier free", "Nobody noticed"):
        assert words in report, words
    assert "PARTIAL" not in report


def test_the_text_says_who_was_noticed_and_whether_it_was_a_thief() -> None:
    acting = replace(PLAN, interventions=(Intervention(0.5, "*", Standing.WATCHED),))
    report = text([rehearse(SCENE, acting, DEFENCES[2:], 0)])
    assert "Nobody noticed" not in report
    assert "day 0.50  thief-0 (thief, thief)  good -> watched" in report
    assert "(HONEST, " in report
    assert "13 in all, 1 of thieves" in report


def test_without_thieves_the_text_says_that_nothing_was_stolen() -> None:
    report = text([rehearse(SCENE, plan(), DEFENCES[:1], 0)])
    assert "No thief took part, and nothing was stolen." in report


def test_an_interrupted_rehearsal_is_partial_and_names_what_was_not_tried() -> None:
    def interrupt(place: int, day: float) -> None:
        if (place, day) == (1, 1):
            raise KeyboardInterrupt

    partial = rehearse(SCENE, PLAN, DEFENCES, 0, interrupt)
    assert not partial.whole
    assert [campaign.whole for campaign in partial.campaigns] == [True, False]
    assert "PARTIAL: this rehearsal was interrupted. Not tried: all." in text([partial])
    assert document([partial])["whole"] is False


def test_money_in_the_report_is_the_price_lists() -> None:
    dear = replace(PLAN, prices=PriceList(per_row=0.5, per_account=7.0))
    told = json.loads(json.dumps(document([rehearse(SCENE, dear, DEFENCES[:1], 0)])))
    assert told["repetitions"][0]["guards"][0]["thieves"][0]["scores"][0]["money"] == 50 * 0.5 + 7.0


@pytest.mark.parametrize(
    ("days", "words"),
    [(0.0, "0 s"), (5 / 86_400, "5 s"), (1 / 48, "30.0 min"), (0.25, "6.0 h"), (1.0, "1.0 days"), (90.0, "90.0 days")],
)
def test_times_are_told_in_the_unit_that_suits_them(days: float, words: str) -> None:
    assert lasting(days) == words


def test_over_several_seeds_means_come_with_their_interval() -> None:
    seeds = range(3)
    repeated = [rehearse(SCENE, plan(thief(most_rows=50, seed=seed), seed=seed), DEFENCES[2:], seed) for seed in seeds]
    (cell,) = cells(repeated)
    finals = [rehearsal.campaigns[0].thefts[0].scores[-1].fidelity for rehearsal in repeated]
    assert cell.best.seeds == 3
    assert cell.best.mean == pytest.approx(sum(finals) / 3)
    assert min(finals) <= cell.best.low <= cell.best.mean <= cell.best.high <= max(finals)
    assert "means over 3 seeds" in text(repeated)
    assert "(3 of 3)" in text(repeated)
    told = json.loads(json.dumps(document(repeated)))
    assert told["seeds"] == [0, 1, 2]
    assert told["over_seeds"][0]["rungs"][0]["fidelity"]["seeds"] == 3


def test_a_guard_that_not_every_seed_tried_is_not_compared(compared: Rehearsal) -> None:
    short = replace(compared, campaigns=compared.campaigns[:1])
    assert [cell.guard for cell in cells([compared, short])] == ["bare"]
    assert cells([]) == ()
