from __future__ import annotations

from dataclasses import replace

import pytest

from moatkeeper.redteam.campaign import campaign
from moatkeeper.redteam.curve import interval
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.plan import Plan
from moatkeeper.redteam.rehearsal import Defence, rehearse
from moatkeeper.redteam.stories import STORIES, Story, best, price, verdicts
from tests.support.campaigns import guard, plan, scene

SCENE = scene()
PRICES = PriceList()


def played(story: Story, *, amount: float = 1_000.0) -> str:
    """What a story tells when its thieves, reduced to a few hundred rows, meet a small model."""
    thieves = tuple(replace(one, attack="equations", most_rows=200) for one in story.seeded(0))
    short = Plan(3.0, plan().population, thieves)
    return verdicts(story, [rehearse(SCENE, short, [Defence("guard", guard(amount))], 0)])


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_every_story_tells_the_claim_and_what_was_measured(story: Story) -> None:
    told = played(story)
    assert story.says in told
    assert "Measured, for this model and these prices:\n  guard (seed 0): " in told


def test_a_claim_that_does_not_hold_is_said_not_to_hold() -> None:
    """The same story before a guard that answers nobody: no figure of it is written down beforehand."""
    story = STORIES["ninety-two"]
    assert "92 % on decision boundaries holds here, by equations" in played(story)
    assert "92 % on decision boundaries does not hold here" in played(story, amount=0.001)


def test_a_copy_that_was_not_had_has_no_price() -> None:
    told = played(STORIES["cheap-copy"], amount=0.001)
    assert "99%: not reached" in told
    assert "asked 0 rows" in told


def test_the_seed_draws_the_thieves() -> None:
    assert [one.seed for one in STORIES["farm"].seeded(7)] == [7]


def test_the_farm_has_a_thousand_accounts_and_the_botnet_no_key() -> None:
    assert STORIES["farm"].thieves[0].crew.accounts == 1_000
    assert not STORIES["botnet"].thieves[0].crew.basis.verified


def test_price_and_best_are_read_off_the_scores() -> None:
    theft = campaign("bare", None, SCENE, plan(replace(STORIES["slow"].thieves[0], attack="equations", most_rows=100))).thefts[
        0
    ]
    found = price(theft, 0.9, PRICES)
    assert found is not None
    assert found.queries == 50
    assert best(theft, "fidelity") == max(score.fidelity for score in theft.scores)
    assert best(theft, "no such figure") == 0.0
    assert interval([best(theft, "fidelity")]).seeds == 1
