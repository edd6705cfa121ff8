"""What is to happen in a campaign, whatever the guard: customers, thieves with their budgets, prices, and persons who act."""

from __future__ import annotations

from dataclasses import dataclass, field

from moatkeeper.core.judgement import Standing
from moatkeeper.redteam.adaptive.crew_plan import CrewPlan
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.population import Population

START = 1_767_571_200.0
"""Monday, 5 January 2026, 00:00 UTC: where a campaign's clock begins."""

RUNGS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""The numbers of answered rows at which copies are scored. More: a finer curve, and a copy more to be made for each."""


@dataclass(frozen=True, slots=True)
class Thief:
    """One thief: his attack, the tactics around it, and the crew that asks for him, whose plan holds his budget.

    He knows the guard: a crew that stays under limits is told them, and tactics that undo rounding are told the contract.
    """

    attack: str
    crew: CrewPlan
    tactics: tuple[str, ...] = ()
    most_rows: int = 5_000  # at which asking ends even where money is left; larger: a longer curve, and a longer run
    begins_day: float = 0.0
    seed: int = 0

    @property
    def name(self) -> str:
        """His crew's, and the beginning of all its accounts' names."""
        return self.crew.name

    @property
    def method(self) -> str:
        """The attack and the tactics around it, in words."""
        return "+".join((self.attack, *self.tactics))

    @property
    def rungs(self) -> tuple[int, ...]:
        """The numbers of rows at which his copies are scored; ``most_rows`` is the last."""
        return (*(rung for rung in RUNGS if rung < self.most_rows), self.most_rows)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The ids of all accounts that he may use."""
        return tuple(f"{self.name}-{number}" for number in range(self.crew.accounts))


@dataclass(frozen=True, slots=True)
class Intervention:
    """A person acts: from ``day`` on, all accounts whose names match ``accounts`` (such as ``farm-*``) have that standing."""

    day: float
    accounts: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens in a campaign, whatever the guard."""

    days: float
    population: Population
    thieves: tuple[Thief, ...]
    prices: PriceList = field(default_factory=PriceList)
    interventions: tuple[Intervention, ...] = ()
    start: float = START
