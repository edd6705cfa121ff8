"""How long a long campaign takes: 90 days, 1,000 honest and 1,000 hostile accounts, before a guard and before the bare model.

    python -m bench.redteam.campaign            # one seed, prints the figures

The thief is a farm whose accounts each ask a row every other day, beside one patient account; what they get is reported too.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from threadpoolctl import threadpool_limits

from moatkeeper.cli.rehearse_plan import defences_of, plan_of, scene_of
from moatkeeper.config.load import Document
from moatkeeper.config.settings_campaign import CampaignSettings, GuardSettings, PopulationSettings
from moatkeeper.redteam.adaptive.crew_plan import CrewPlan, OnRefusal, Timing
from moatkeeper.redteam.campaign import campaign
from moatkeeper.redteam.plan import Thief
from moatkeeper.redteam.rehearsal_document import campaign_document

DAYS, CUSTOMERS, ACCOUNTS = 90.0, 1_000, 1_000
QUICK_DAYS, QUICK_CUSTOMERS = 7.0, 200
GUARDS = (GuardSettings(name="bare", layers=()), GuardSettings(name="all layers"))
FARM = Thief(
    "retrain",
    CrewPlan(
        accounts=ACCOUNTS,
        proxies=ACCOUNTS,
        tier="free",
        money=5_000.0,
        timing=Timing.UNDER_LIMITS,
        fraction=0.0002,
        rows_per_request=1,
        name="farm",
    ),
    most_rows=20_000,
)
PATIENT = Thief(
    "retrain",
    CrewPlan(tier="free", money=5_000.0, timing=Timing.HUMAN, on_refusal=OnRefusal.WAIT, rows_per_request=4, name="patient"),
)


def measure(seeds: Sequence[int], quick: bool) -> dict[str, object]:
    """Seconds, events a second and memory, and what the campaign measured, for each guard and seed."""
    lines: list[dict[str, object]] = []
    with threadpool_limits(1):
        for seed in seeds[:1] if quick else seeds:
            lines += _measure(seed, quick)
    return {"lines": lines}


def _measure(seed: int, quick: bool) -> list[dict[str, object]]:
    settings = CampaignSettings(
        days=QUICK_DAYS if quick else DAYS,
        seed=seed,
        guards=GUARDS,
        population=PopulationSettings(customers=QUICK_CUSTOMERS if quick else CUSTOMERS),
    )
    document = Document("bench", {}, {})
    scene = scene_of(settings.model, seed)
    began = perf_counter()
    most_rows = 500 if quick else FARM.most_rows
    plan = plan_of(
        settings, scene, [replace(one, seed=seed, most_rows=min(one.most_rows, most_rows)) for one in (FARM, PATIENT)]
    )
    drawn_s = perf_counter() - began
    lines: list[dict[str, object]] = []
    for defence in defences_of(settings, document, Path()):
        began, used = perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
        made = campaign(defence.name, defence.guard, scene, plan)
        wall_s = perf_counter() - began
        usage = resource.getrusage(resource.RUSAGE_SELF)
        lines.append(
            {
                "seed": seed,
                "guard": defence.name,
                "days": settings.days,
                "honest_accounts": len(plan.population.customers),
                "hostile_accounts": sum(thief.crew.accounts for thief in plan.thieves),
                "requests": made.requests,
                "drawing_the_customers_s": drawn_s,
                "wall_s": wall_s,
                "processor_s": usage.ru_utime - used,
                "requests_per_s": made.requests / wall_s,
                "peak_memory_mib": usage.ru_maxrss / 1024,
                "measured": campaign_document(made, plan.prices),
            }
        )
    return lines


if __name__ == "__main__":
    print(json.dumps(measure([0], quick=False), indent=1))
