"""What the article says of thefts, each claim as a story that can be run: its words, its thieves, and what was measured.

The claims are those of "Model Extraction" (AISecurityDIR). A story's outcome is a measurement on the model at hand; it may well
contradict the claim, and then says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from moatkeeper.core.caller import Basis
from moatkeeper.redteam.adaptive.crew_plan import CrewPlan, OnRefusal, Timing
from moatkeeper.redteam.campaign_findings import Campaign, Theft
from moatkeeper.redteam.curve import Curve, Reached
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.plan import Thief
from moatkeeper.redteam.rehearsal import Rehearsal
from moatkeeper.redteam.rehearsal_text import lasting

UNDER_DOLLARS = 5_000.0
BOUNDARY_FIDELITY = 0.92
NEAR = "fidelity_near"
FARM_ACCOUNTS = 1_000
FARM_DAYS = 14.0  # within which its accounts sign up; larger: no burst of new accounts, and a slower theft
BOTS = 200
MONTH_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Story:
    """One claim. ``days`` is how long its campaign lasts; ``measured`` says in a sentence what came of it before one guard."""

    name: str
    says: str
    days: float
    thieves: tuple[Thief, ...]
    measured: Callable[[Campaign, PriceList], str]

    def seeded(self, seed: int) -> tuple[Thief, ...]:
        """Its thieves, with their chance drawn from ``seed``."""
        return tuple(Thief(one.attack, one.crew, one.tactics, one.most_rows, one.begins_day, seed) for one in self.thieves)


def price(theft: Theft, level: float, prices: PriceList) -> Reached | None:
    """What a copy of that fidelity had cost; None where this theft did not get one."""
    return Curve(theft.thief.method, theft.thief.name, (theft.scores,), prices).reached(level)[0]


def best(theft: Theft, figure: str) -> float:
    """The highest of a figure over the copies of a theft; 0 where there are none."""
    return max((score.figures.get(figure, 0.0) for score in theft.scores), default=0.0)


def _cheap(campaign: Campaign, prices: PriceList) -> str:
    theft = campaign.thefts[0]
    parts = []
    for level in (BOUNDARY_FIDELITY, 0.95, 0.99):
        found = price(theft, level, prices)
        word = "not reached" if found is None else f"${found.money:,.2f} in {lasting(found.days)}"
        parts.append(f"{level:.0%}: {word}")
    asked = f"asked {theft.rows:,} rows for ${theft.money:,.2f} and stopped there"
    return f"{asked}; fidelity {'; '.join(parts)}"


def _boundary(campaign: Campaign, prices: PriceList) -> str:
    theft = campaign.thefts[0]
    overall, near = best(theft, "fidelity"), best(theft, NEAR)
    without = campaign.without_api.figures
    verdict = "holds" if near >= BOUNDARY_FIDELITY else "does not hold"
    return (
        f"agreement on the tenth of inputs nearest the decision boundary {near:.1%} (without the API "
        f"{without.get(NEAR, 0.0):.1%}), on all inputs {overall:.1%} (without {campaign.without_api.fidelity:.1%}): "
        f"92 % on decision boundaries {verdict} here, by {theft.thief.method}"
    )


def _over_time(campaign: Campaign, prices: PriceList) -> str:
    theft = campaign.thefts[0]
    last = theft.scores[-1] if theft.scores else campaign.without_api
    found = price(theft, BOUNDARY_FIDELITY, prices)
    when = "never" if found is None else f"after {lasting(found.days)}"
    refused = sum(theft.refusals.rows.values())
    noticed = sum(notice.hostile for notice in campaign.notices)
    return (
        f"{theft.rows:,} rows in {lasting(theft.spent.days)} through {theft.spent.accounts:,} accounts; fidelity "
        f"{last.fidelity:.1%} at the end, 92 % {when}; {refused:,} rows refused; {noticed:,} of his accounts noticed"
    )


STORIES: Mapping[str, Story] = {
    story.name: story
    for story in (
        Story(
            "cheap-copy",
            "commercial AI models worth millions in development costs can be functionally extracted for under $5,000 in API "
            "query fees",
            MONTH_DAYS,
            (Thief("retrain", CrewPlan(tier="enterprise", money=UNDER_DOLLARS, rows_per_request=50, name="buyer")),),
            _cheap,
        ),
        Story(
            "ninety-two",
            "extracted models have achieved over 92% fidelity on key decision boundaries",
            MONTH_DAYS,
            (
                Thief(
                    "retrain",
                    CrewPlan(tier="enterprise", money=UNDER_DOLLARS, rows_per_request=50, name="competitor"),
                    most_rows=10_000,
                ),
            ),
            _boundary,
        ),
        Story(
            "slow",
            "slow extraction spread over weeks or months",
            90.0,
            (
                Thief(
                    "retrain",
                    CrewPlan(
                        money=UNDER_DOLLARS,
                        tier="free",
                        timing=Timing.HUMAN,
                        on_refusal=OnRefusal.WAIT,
                        rows_per_request=4,
                        name="patient",
                    ),
                ),
            ),
            _over_time,
        ),
        Story(
            "farm",
            "attackers spread queries across multiple accounts, use realistic timing patterns, and stay under rate limits",
            MONTH_DAYS,
            (
                Thief(
                    "retrain",
                    CrewPlan(
                        accounts=FARM_ACCOUNTS,
                        proxies=FARM_ACCOUNTS,
                        tier="free",
                        money=UNDER_DOLLARS,
                        timing=Timing.HUMAN,
                        start_days=FARM_DAYS,
                        rows_per_request=1,
                        name="farm",
                    ),
                    most_rows=10_000,
                ),
            ),
            _over_time,
        ),
        Story(
            "botnet",
            "attackers bypass static limits using botnets, account farming, cloud proxy rotation",
            7.0,
            (
                Thief(
                    "retrain",
                    CrewPlan(
                        accounts=BOTS,
                        proxies=BOTS,
                        tier="free",
                        money=UNDER_DOLLARS,
                        timing=Timing.UNDER_LIMITS,
                        basis=Basis.ADDRESS,
                        rows_per_request=2,
                        name="botnet",
                    ),
                    most_rows=10_000,
                ),
            ),
            _over_time,
        ),
    )
}
"""By name."""

ADAPTER = "adapter"
ADAPTER_SAYS = "focus extraction efforts specifically on stealing your fine-tuned layers or adapters"
ADAPTER_ATTACK = "adapter-theft"
"""The claim about models that write. It is an attack of its own and no campaign: there is no population of chats here."""


def verdicts(story: Story, rehearsals: Sequence[Rehearsal]) -> str:
    """The claim, and beside it what was measured before each guard, seed by seed."""
    lines = [f'The article says: "{story.says}".', "Measured, for this model and these prices:"]
    for rehearsal in rehearsals:
        for campaign in rehearsal.campaigns:
            lines.append(f"  {campaign.guard} (seed {rehearsal.seed}): {story.measured(campaign, rehearsal.plan.prices)}.")
    return "\n".join(lines)
