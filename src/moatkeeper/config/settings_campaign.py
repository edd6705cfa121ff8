"""Settings of a rehearsed campaign: the model, the guards to compare, honest customers, thieves and prices."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from moatkeeper.config.quantities import Section
from moatkeeper.config.settings_limits import LimitsSettings, Name, StandingSettings, TierSettings
from moatkeeper.core.judgement import Standing


class Layer(StrEnum):
    """A layer of the guard that a rehearsal can switch on."""

    LIMITS = "limits"
    OUTPUTS = "outputs"


class GuardSettings(Section):
    """One guard to compare. Without a file and without tables of its own it is the guard that needs no configuration."""

    name: Name = Field(description="How the report calls it.")
    layers: tuple[Annotated[Layer, Field(strict=False)], ...] = Field(
        default=tuple(Layer),
        strict=False,
        description="The layers that act: `limits` refuse, `outputs` keep to the contract. An empty list: the bare model.",
    )
    config: Path | None = Field(
        default=None,
        strict=False,
        description="A configuration of the gateway, relative to this file, to take the layers from.",
    )
    patterns: int | None = Field(
        default=None,
        ge=100,
        description="Detectors act too, calibrated on so many honest customers of their own; below about 4,000 they only rank.",
    )
    enforce: bool = Field(
        default=True, description="Limits refuse although the configuration says shadow mode. False: as it says."
    )
    tiers: dict[Name, TierSettings] | None = Field(
        default=None, description="Replaces all tiers of the configuration; written as in moatkeeper.toml."
    )
    limits: LimitsSettings | None = Field(default=None, description="Replaces the table of that name.")
    standing: StandingSettings | None = Field(default=None, description="Replaces the table of that name.")


class KindSettings(Section):
    """What differs from the shipped kind of honest customer; a key left out stays as it is."""

    share: float | None = Field(default=None, ge=0, description="Number of such customers, relative to the other kinds.")
    requests_per_day: float | None = Field(
        default=None, gt=0, description="Of one customer, on average. Larger: more traffic in which a thief can hide."
    )
    rows_per_request: int | None = Field(default=None, ge=0, description="Rows a request; 0: as in the trace.")
    breadth: float | None = Field(
        default=None, gt=0, le=1, description="Part of the input space that is a customer's own. Smaller: more specialised."
    )
    growth: float | None = Field(default=None, gt=0, description="Rate on the last day as a multiple of that on the first.")


class PopulationSettings(Section):
    """Honest customers. When they call comes from real traces; shares, rates and sizes are assumptions: put in your own."""

    customers: int = Field(default=1000, ge=0, description="Honest accounts.")
    small_tier: Name = Field(default="free", description="The tier that customers of little use buy.")
    large_tier: Name = Field(default="enterprise", description="The tier of those who need more.")
    large_from: float = Field(
        default=100.0, gt=0, description="Rows a day, on average, from which a customer buys the larger tier."
    )
    kinds: dict[Name, KindSettings] = Field(default={}, description="What differs from the shipped kinds of customer.")


class ThiefSettings(Section):
    """One thief, his budget and his way of asking. Money, days and accounts are hard limits; he knows how the guard works."""

    name: Name = Field(description="How the report calls him; his accounts are NAME-0, NAME-1 and so on.")
    attack: Name = Field(default="retrain", description="An attack on models of rows, by its name in the registry.")
    tactics: tuple[Name, ...] = Field(
        default=(), strict=False, description="Adaptive tactics around it, the first nearest to the attack."
    )
    money: float = Field(default=5000.0, ge=0, description="What he can spend, in the currency of the prices.")
    days: float | None = Field(default=None, gt=0, description="How long he asks; without it, to the end of the campaign.")
    accounts: int = Field(default=1, ge=1, le=60_000, description="Accounts he may use. Larger: more allowances.")
    tier: Name = Field(default="free", description="The tier of his accounts.")
    verified: bool = Field(default=True, description="False: no keys, only network addresses (a botnet).")
    proxies: int = Field(default=1, ge=1, le=60_000, description="Network addresses that his accounts share in turn.")
    rotate: bool = Field(default=False, description="True: every request comes from the next address.")
    timing: Literal["fast", "under-limits", "human"] = Field(
        default="fast", description="As fast as answered; evenly under the known limits; or in sessions at working hours."
    )
    allocation: Literal["round-robin", "topic", "region"] = Field(
        default="round-robin", description="Which account asks what: any, or each its own part of the input space."
    )
    on_refusal: Literal["wait", "next", "leave"] = Field(
        default="next",
        description="A refused request waits for its account, goes to the next one, or is given up with the last.",
    )
    rows_per_request: int = Field(default=10, ge=1, description="Larger: fewer requests, coarser use of an allowance.")
    fraction: float = Field(default=0.8, gt=0, le=1, description="Of the known limits that `under-limits` uses.")
    start_days: float = Field(default=0.0, ge=0, description="`human` accounts begin within so many days.")
    canary: bool = Field(default=False, description="True: repeats known questions, and leaves accounts whose answers change.")
    begins_day: float = Field(default=0.0, ge=0, description="The day of the campaign on which he begins.")
    most_rows: int = Field(
        default=5000, ge=1, le=100_000, description="Answered rows at which he stops even with money left. Larger: longer runs."
    )


class PricesSettings(Section):
    """What a thief pays. Accounts and proxies are free unless you say otherwise, which flatters him."""

    per_row: float = Field(default=0.0001, ge=0, description="For an answered row; Tramèr et al. 2016, table 7, paid this.")
    per_request: float = Field(default=0.0, ge=0, description="For a request, refused ones too.")
    per_account: float = Field(default=0.0, ge=0, description="For an account that was used.")
    per_proxy: float = Field(default=0.0, ge=0, description="For a network address beyond the first.")


class InterventionSettings(Section):
    """A person acts on accounts in the middle of the campaign, as with `moatkeeper standing set`."""

    day: float = Field(ge=0, description="When.")
    accounts: Name = Field(description="Whose: a name, or a pattern such as `farm-*`.")
    standing: Standing = Field(strict=False, description="The standing that they get.")


class CampaignSettings(Section):
    """A whole rehearsal: the same customers and the same thieves before each guard."""

    model: Literal["credit", "credit-linear"] = Field(
        default="credit", description="The demo's boosted trees, or the logistic regression that they replaced."
    )
    days: float = Field(default=90.0, gt=0, le=3650, description="Length of the campaign.")
    seed: int = Field(default=0, ge=0, description="Draws customers, rows, and what thieves ask. Equal seeds, equal reports.")
    repetitions: int = Field(
        default=1, ge=1, le=20, description="Seeds, from `seed` on: intervals are over them. Larger: surer figures, longer."
    )
    guards: tuple[GuardSettings, ...] = Field(
        default=(
            GuardSettings(name="bare", layers=()),
            GuardSettings(name="least output alone", layers=(Layer.OUTPUTS,)),
            GuardSettings(name="limits alone", layers=(Layer.LIMITS,)),
            GuardSettings(name="all layers"),
        ),
        strict=False,
        description="The guards to compare.",
    )
    population: PopulationSettings = Field(default=PopulationSettings(), description="Honest customers.")
    thieves: tuple[ThiefSettings, ...] = Field(default=(), strict=False, description="Thieves.")
    prices: PricesSettings = Field(default=PricesSettings(), description="What thieves pay.")
    interventions: tuple[InterventionSettings, ...] = Field(default=(), strict=False, description="Persons who act.")

    @field_validator("guards")
    @classmethod
    def _something_to_compare(cls, given: tuple[GuardSettings, ...]) -> tuple[GuardSettings, ...]:
        names = [guard.name for guard in given]
        if not names:
            raise ValueError("found no guard, expected at least one")
        if len(set(names)) < len(names):
            raise ValueError("found two guards of one name, expected another for each")
        return given
