"""Everything that the engine decides by: tiers, prices, contracts and factors. A table, not code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Standing
from moatkeeper.guard.ladder import Rules
from moatkeeper.limits.base import Limit
from moatkeeper.outputs.coarser import Coarser


@dataclass(frozen=True, slots=True)
class Tier:
    """What one class of customers is sold: limits by key, account and organisation, and what their answers show."""

    name: str
    limits: tuple[Limit, ...] = ()
    contract: Contract = field(default_factory=Contract)


@dataclass(frozen=True, slots=True)
class Price:
    """What a query costs in the operator's currency."""

    per_request: float = 0.0
    per_row: float = 0.0
    per_token: float = 0.0

    def of(self, requests: float, rows: float, tokens: float) -> float:
        """The price of so much."""
        return self.per_request * requests + self.per_row * rows + self.per_token * tokens


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that the engine decides by: a table, not code.

    ``contracts`` maps a model name to the contract that replaces its callers' tier contract; the key ``"*"`` is not special.
    ``factors`` multiplies every limit of an account by its standing (dynamic throttling): 1.0, the default, leaves it
    alone, 0.0 ends it. SUSPENDED and TERMINATED always end it. ``coarser`` narrows what answers show by standing.
    """

    tiers: Mapping[str, Tier]
    default_tier: str = "default"
    shared: tuple[Limit, ...] = ()  # per address, per model, per organisation and for all callers together
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)  # by model; "" for every other model
    factors: Mapping[Standing, float] = field(default_factory=dict)
    coarser: Mapping[Standing, Coarser] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)  # when what was found changes a standing
    shadow: bool = True  # True: limits decide and count, but refuse nobody
