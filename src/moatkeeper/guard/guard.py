"""The engine's doors: admit a query, release its answer, settle its cost, observe the exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moatkeeper.core.answer import Answer, Usage
from moatkeeper.core.contract import Contract
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Decision, Reading, Standing
from moatkeeper.core.query import Query
from moatkeeper.guard.memory import Memory
from moatkeeper.limits.base import Limit
from moatkeeper.outputs.base import OutputPolicy


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


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that the engine decides by: a table, not code.

    ``contracts`` maps a model name to the contract that replaces its callers' tier contract; the key ``"*"`` is not special.
    ``factors`` multiplies every limit of an account by its standing (dynamic throttling): 1.0 leaves it alone, 0.0 ends it.
    """

    tiers: Mapping[str, Tier]
    default_tier: str = "default"
    shared: tuple[Limit, ...] = ()  # per address, per model and for all callers together
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)  # by model; "" for every other model
    factors: Mapping[Standing, float] = field(default_factory=dict)
    shadow: bool = True  # True: limits decide and count, but refuse nobody


class Guard:
    """The pure engine. Four callers open the same doors: the gateway, replay, the red team and the tests."""

    def __init__(self, policy: Policy, outputs: OutputPolicy) -> None:
        self.policy = policy
        self.outputs = outputs

    def admit(self, query: Query, memory: Memory) -> Decision:
        """Whether the query may go on, with everything it may cost reserved in one step."""
        raise NotImplementedError

    def extend(self, query: Query, decision: Decision, tokens: int, memory: Memory) -> Decision | None:
        """The decision with ``tokens`` more reserved (a stream that outgrows its estimate), or None: it must end here."""
        raise NotImplementedError

    def release(self, query: Query, decision: Decision, answer: Answer) -> Answer:
        """The answer that goes out under the decision's contract."""
        raise NotImplementedError

    def settle(self, query: Query, decision: Decision, usage: Usage, memory: Memory) -> None:
        """Replaces what was reserved by what was used, and frees the query's place among those in flight."""
        raise NotImplementedError

    def observe(self, exchange: Exchange, memory: Memory) -> tuple[Reading, ...]:
        """What detectors make of a completed exchange; none is registered yet."""
        raise NotImplementedError
