"""From a campaign's settings to what is rehearsed: the scene, the guards, the customers and the thieves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np

from moatkeeper.cli.output import note
from moatkeeper.config.campaign import HINT, guard_policy
from moatkeeper.config.load import Document, Fault, config_error, dotted, unknown_name
from moatkeeper.config.positions import KeyPath
from moatkeeper.config.settings_campaign import CampaignSettings, KindSettings, PopulationSettings, ThiefSettings
from moatkeeper.core.caller import Basis
from moatkeeper.demo import credit
from moatkeeper.demo.victim import train
from moatkeeper.errors import ConfigError
from moatkeeper.guard.guard import Guard
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.patterns.evidence import ALPHA, RANKS_ABOVE
from moatkeeper.patterns.watch import Watch
from moatkeeper.redteam.adaptive.crew_plan import Allocation, Canary, CrewPlan, OnRefusal, Timing
from moatkeeper.redteam.adaptive.registry import TACTICS
from moatkeeper.redteam.attacks.retrain import fit_substitute
from moatkeeper.redteam.calibrated import calibrated
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.judges import row_judge
from moatkeeper.redteam.knowledge import knowledge_of
from moatkeeper.redteam.plan import START, Intervention, Plan, Thief
from moatkeeper.redteam.population import KINDS, Kind, Market, Population, populate
from moatkeeper.redteam.registry import ROW_ATTACKS
from moatkeeper.redteam.rehearsal import Defence
from moatkeeper.redteam.scene import Scene, remembering

OWN_OUTCOMES = 500
"""Labelled rows of a thief who lends money himself: what he could learn without asking anybody, as in the demo."""
CLASSES = 2
OTHERS = 1_000_003
"""Added to a campaign's seed for the customers whom detectors learn from: a prime far beyond the seeds that people count up."""
LOOK_S = 600.0
"""Between two looks of a rehearsal's detectors, if 64 rows do not come earlier. Larger: faster, thieves are found later."""
NETWORK = "198.{}"
"""The first two numbers of a thief's addresses; honest customers have those that begin with 10."""


def scene_of(name: str, seed: int) -> Scene:
    """The demo's model, trained on clients of its own; customers, thieves and the judge have other clients each."""
    # Thieves ask in threads of their own, where a limit set in this one does not hold; OpenMP reads this when it is loaded.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parts = credit.split(credit.load(), seed)
    model = remembering(train(parts.training)[name].predict_proba, parts.pool.rows, parts.customers.rows)
    own = parts.pool[:OWN_OUTCOMES]
    without = fit_substitute(own.rows, np.column_stack([1 - own.outcomes, own.outcomes]))
    judge = row_judge(
        model, parts.held_out.rows, np.random.default_rng(seed), outcomes=parts.held_out.outcomes.astype(np.int64)
    )
    return Scene(name, model, parts.customers.rows, knowledge_of(parts.pool.rows, CLASSES), judge, without)


def defences_of(settings: CampaignSettings, document: Document, folder: Path) -> tuple[Defence, ...]:
    """The guards to compare; raises ConfigError for one that contradicts itself, or whose file is wrong."""
    defences = []
    for index, given in enumerate(settings.guards):
        made = guard_policy(given, folder)
        try:
            defences.append(Defence(given.name, None if made is None else Guard(made, LeastOutput())))
        except ConfigError as error:
            found, _, expected = error.message.removeprefix("found ").partition(", expected ")
            path: KeyPath = ("guards", index)
            fault = Fault(document.source, document.line(path), dotted(path), found, expected or "no contradiction")
            raise config_error(document.source, [fault], HINT) from error
    return tuple(defences)


def watching(defences: Sequence[Defence], settings: CampaignSettings, scene: Scene, seed: int) -> tuple[Defence, ...]:
    """The guards; those with ``patterns`` have detectors that learned from customers of the same kinds, but nobody here."""
    sizes = {given.name: given.patterns for given in settings.guards}
    found = []
    for defence in defences:
        size, guard = sizes[defence.name], defence.guard
        if size is None or guard is None:
            found.append(defence)
            continue
        kinds = kinds_of(settings.population)
        others = populate(kinds, size, scene.rows, settings.days, START, seed + OTHERS)
        calibration = calibrated(scene, others)
        if calibration.least_alpha > RANKS_ABOVE:
            note(f"{defence.name}: {size:,} customers are too few for detectors to act on: they only rank")
        elif calibration.least_alpha > ALPHA:
            note(f"{defence.name}: {size:,} customers are too few for detectors to name anybody under {ALPHA:.1%}")
        watch = Watch({scene.name: calibration})
        rules = replace(guard.policy.rules, act=True)
        found.append(Defence(defence.name, Guard(replace(guard.policy, rules=rules), guard.outputs, watch, look_s=LOOK_S)))
    return tuple(found)


def plan_of(settings: CampaignSettings, scene: Scene, thieves: Sequence[Thief]) -> Plan:
    """Customers and thieves of the campaign."""
    return Plan(
        days=settings.days,
        population=population_of(settings, scene),
        thieves=tuple(thieves),
        prices=PriceList(
            per_row=settings.prices.per_row,
            per_request=settings.prices.per_request,
            per_account=settings.prices.per_account,
            per_proxy=settings.prices.per_proxy,
        ),
        interventions=tuple(Intervention(one.day, one.accounts, one.standing) for one in settings.interventions),
    )


def thief_of(given: ThiefSettings, place: int, seed: int) -> Thief:
    """A thief as the file tells of him; ``place`` among the thieves gives him network addresses of his own."""
    crew = CrewPlan(
        accounts=given.accounts,
        proxies=given.proxies,
        rotate=given.rotate,
        allocation=Allocation(given.allocation),
        timing=Timing(given.timing),
        on_refusal=OnRefusal(given.on_refusal),
        rows_per_request=given.rows_per_request,
        fraction=given.fraction,
        start_days=given.start_days,
        days=inf if given.days is None else given.days,
        money=given.money,
        canary=Canary() if given.canary else None,
        tier=given.tier,
        basis=Basis.KEY if given.verified else Basis.ADDRESS,
        name=given.name,
        network=NETWORK.format(place),
    )
    return Thief(given.attack, crew, given.tactics, given.most_rows, given.begins_day, seed)


def population_of(settings: CampaignSettings, scene: Scene) -> Population:
    """The honest customers of the campaign."""
    given = settings.population
    market = Market(given.small_tier, given.large_tier, given.large_from)
    return populate(kinds_of(given), given.customers, scene.rows, settings.days, START, settings.seed, market)


def kinds_of(given: PopulationSettings) -> tuple[Kind, ...]:
    """The shipped kinds with what the file changes."""
    return tuple(_changed(kind, given.kinds[name]) if name in given.kinds else kind for name, kind in KINDS.items())


def _changed(kind: Kind, given: KindSettings) -> Kind:
    changes = {name: value for name, value in given.model_dump().items() if value is not None}
    return replace(kind, **changes)


def unknown_names(settings: CampaignSettings, document: Document) -> ConfigError | None:
    """What is wrong with names that only the red team knows, and with thieves that share one; None where nothing is."""
    faults = [
        unknown_name(document, ("population", "kinds", name), name, KINDS)
        for name in settings.population.kinds
        if name not in KINDS
    ]
    seen: set[str] = set()
    for index, thief in enumerate(settings.thieves):
        if thief.attack not in ROW_ATTACKS:
            faults.append(unknown_name(document, ("thieves", index, "attack"), thief.attack, ROW_ATTACKS))
        for place, tactic in enumerate(thief.tactics):
            if tactic not in TACTICS:
                faults.append(unknown_name(document, ("thieves", index, "tactics", place), tactic, TACTICS))
        if thief.name in seen:
            path: KeyPath = ("thieves", index, "name")
            faults.append(Fault(document.source, document.line(path), dotted(path), "a second thief of that name", "another"))
        seen.add(thief.name)
    return config_error(document.source, faults, HINT) if faults else None
