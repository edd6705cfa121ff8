"""What is to happen in a campaign, whatever the guard: customers, thieves with their budgets, prices, and persons who act."""

from __future__ import annotations

from dataclasses import dataclass, field

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.judgement import Standing
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.gang import Pace
from moatkeeper.redteam.population import Population
from moatkeeper.redteam.purse import Means

START = 1_767_571_200.0
"""Monday, 5 January 2026, 00:00 UTC: where a campaign's clock begins."""

RUNGS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""The numbers of answered rows at which copies are scored. More: a finer curve, and a copy more to be made for each."""


@dataclass(frozen=True, slots=True)
class Thief:
    """One thief: his attack, his budget, and how he goes about it."""

    name: str
    attack: str
    means: Means
    tier: str = "free"
    pace: Pace = field(default_factory=Pace)
    most_rows: int = 5_000  # at which asking ends even where money is left; larger: a longer curve, and a longer run
    begins_day: float = 0.0
    verified: bool = True  # False: no account at all, a network address for each
    seed: int = 0

    @property
    def rungs(self) -> tuple[int, ...]:
        """The numbers of rows at which his copies are scored; ``most_rows`` is the last."""
        return (*(rung for rung in RUNGS if rung < self.most_rows), self.most_rows)

    @property
    def callers(self) -> tuple[Caller, ...]:
        """His accounts, each at an address of its own."""
        basis = Basis.KEY if self.verified else Basis.ADDRESS
        return tuple(self._caller(number, basis) for number in range(self.means.accounts))

    def _caller(self, number: int, basis: Basis) -> Caller:
        address = f"172.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        name = f"{self.name}-{number}" if self.verified else address
        return Caller(Account(name, tier=self.tier), f"key-{name}" if self.verified else "", address, basis)


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
