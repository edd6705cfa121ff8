"""The engine's doors: admit a query, release its answer, settle its cost, observe the exchange."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from moatkeeper.core.answer import Answer, Usage
from moatkeeper.core.contract import Contract
from moatkeeper.core.exchange import Exchange
from moatkeeper.core.judgement import Charge, Decision, Quota, Standing
from moatkeeper.core.query import Query
from moatkeeper.errors import ConfigError
from moatkeeper.guard.memory import Memory
from moatkeeper.guard.policy import Policy, Price, Tier
from moatkeeper.limits.base import Scope
from moatkeeper.limits.plan import Amounts, Owners, Plan, Reservation
from moatkeeper.outputs.base import OutputPolicy
from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.watch import Watch

__all__ = ["ADMITTED", "Guard", "Policy", "Price", "Tier"]

ADMITTED = "admitted"
"""The reason code where nothing speaks against a query."""

LOOK_ROWS = 64
"""Rows that wait before detectors look; larger: cheaper a row, later findings."""
LOOK_S = 1.0
"""Seconds that an exchange waits at most, by the next query's clock."""

_ENDED = frozenset({Standing.SUSPENDED, Standing.TERMINATED})
_FREE = Price()
_ACTOR = "\x1f"
"""Begins the name of an actor among the owners of buckets. It does not print, and the id of an account always does."""
_REFUSED = "actor"
"""Stands for the scope in the reason where what the actor's accounts took together refuses; an operator sees it, no caller."""

_new = tuple.__new__
"""Skips the Python-level constructor of a named tuple, which costs as much again; three times a query."""


class Guard:
    """The pure engine. Four callers open the same doors: the gateway, replay, the red team and the tests.

    A Guard never changes; what it learns goes to the memory in one call a door, after all that could fail. Raises
    ConfigError for a policy that contradicts itself.
    """

    def __init__(self, policy: Policy, outputs: OutputPolicy, watch: Watch | None = None, *, look_s: float = LOOK_S) -> None:
        """``look_s``: seconds that exchanges wait at most for detectors; larger: cheaper, found later where traffic is thin."""
        self.policy = policy
        self._look_s = look_s
        self.outputs = outputs
        self.watch = watch
        self.observes = watch is not None
        if policy.default_tier not in policy.tiers:
            raise ConfigError(f"the default tier {policy.default_tier!r} is not among the tiers {sorted(policy.tiers)}")
        self._plans = {name: Plan(tier.limits, policy.shared) for name, tier in policy.tiers.items()}
        self._default_plan = self._plans[policy.default_tier]
        self._default_tier = policy.tiers[policy.default_tier]
        # The hash of an enumeration's member is computed in Python; most accounts are spared it.
        changed = policy.factors.get(Standing.GOOD, 1.0) != 1.0 or Standing.GOOD in policy.coarser
        self._plain = None if changed else Standing.GOOD
        self._narrowed: dict[tuple[Standing, Contract], Contract] = {}
        self._factors = {standing: 0.0 if standing in _ENDED else policy.factors.get(standing, 1.0) for standing in Standing}

    def admit(self, query: Query, memory: Memory) -> Decision:
        """Whether the query may go on, with everything it may cost reserved in one step.

        ``retry_after_s`` is the longest wait of all buckets that refuse; ``inf`` where waiting does not help: the query
        alone is larger than a limit, or the account has ended. In shadow mode a query that would have been refused is
        admitted with ``would_admit`` False and charged to no bucket, so that the next decisions are those that
        enforcement would have made. An account that a person suspended or terminated is refused in shadow mode too.
        What an account tied to others is charged, its actor is charged too; the quota stays that of its own bucket.
        """
        caller = query.caller
        account = caller.account
        plan = self._plans.get(account.tier, self._default_plan)
        standing = memory.standing(account.id)
        contract = self.contract(query)
        factor = 1.0
        if standing is not self._plain:
            factor, contract = self._factors[standing], self._coarser(standing, contract)
        if factor <= 0:
            return self._refusal(f"standing:{standing.value}", inf, standing, contract)
        owners = _owners(query)
        cost = query.cost
        money = cost.money + self._price(query).of(cost.requests, cost.rows, cost.tokens) if plan.charges_money else 0
        amounts = _new(Amounts, (cost.requests, cost.rows, cost.tokens, money, 1))
        reservation = plan.reserve(owners, amounts, query.at, memory.bucket, factor=factor, verified=caller.basis.verified)
        actors = memory.watching.actors
        if actors and account.id in actors:
            shared = plan.reserve(_actor(actors[account.id]), amounts, query.at, memory.bucket, factor=factor)
            reservation = _both(reservation, shared)
        if reservation.refused_by:
            quota = plan.quota(owners, query.at, {}, memory.bucket)
            return self._refusal(f"limit:{reservation.refused_by}", reservation.wait_s, standing, contract, quota)
        quota = plan.quota(owners, query.at, reservation.changes, memory.bucket)
        decision = Decision(True, True, ADMITTED, 0.0, standing, contract, reservation.charges, quota)
        memory.apply(reservation.changes)
        return decision

    def extend(
        self, query: Query, decision: Decision, tokens: int, memory: Memory, *, at: float | None = None
    ) -> Decision | None:
        """The decision with ``tokens`` more reserved (a stream that outgrows its estimate), or None: it must end here.

        ``at`` is the time of the wish, by default the query's own. In shadow mode the stream always goes on: where it
        should have ended, ``would_admit`` turns False and nothing more is charged. Only the stream of an account that a
        person ended meanwhile ends.
        """
        account = query.caller.account
        standing = memory.standing(account.id)
        if standing in _ENDED:
            return None
        if not decision.would_admit:
            return decision
        plan = self._plans.get(account.tier, self._default_plan)
        factor = self._factors[standing]
        if factor <= 0:
            return self._cut(decision, f"standing:{standing.value}", inf)
        amounts = Amounts(tokens=tokens, money=self._price(query).of(0, 0, tokens) if plan.charges_money else 0)
        at = query.at if at is None else at
        verified = query.caller.basis.verified
        reservation = plan.reserve(_owners(query), amounts, at, memory.bucket, factor=factor, verified=verified)
        actors = memory.watching.actors
        if actors and account.id in actors:
            shared = plan.reserve(_actor(actors[account.id]), amounts, at, memory.bucket, factor=factor)
            reservation = _both(reservation, shared)
        if reservation.refused_by:
            return self._cut(decision, f"limit:{reservation.refused_by}", reservation.wait_s)
        extended = replace(decision, charges=_joined(decision.charges, reservation.charges))
        memory.apply(reservation.changes)
        return extended

    def release(self, query: Query, decision: Decision, answer: Answer) -> Answer:
        """The answer that goes out under the decision's contract."""
        return self.outputs.release(answer, decision.contract)

    def settle(self, query: Query, decision: Decision, usage: Usage, memory: Memory) -> None:
        """Replaces what was reserved by what was used, and frees the query's place among those in flight.

        To be called exactly once for every admitted query, also for one that failed: a query without a settlement stays
        in flight for ever, and a second settlement gives back twice. ``Usage(0, 0)`` is a query that the model did not
        answer: the request stays charged, rows and tokens are given back.
        """
        if not decision.charges:
            return
        plan = self._plans.get(query.caller.account.tier, self._default_plan)
        cost = query.cost
        money = cost.money + self._price(query).of(cost.requests, usage.rows, usage.tokens) if plan.charges_money else 0
        changes = plan.settle(
            decision.charges,
            _new(Amounts, (cost.requests, usage.rows, usage.tokens, money, 0)),
            memory.bucket,
            at_most_reserved=not decision.would_admit,
        )
        if changes:
            memory.apply(changes)

    def observe(self, exchange: Exchange, memory: Memory) -> tuple[Finding, ...]:
        """Takes a completed exchange in; what detectors found, once there is enough to look at together.

        Exchanges wait until LOOK_ROWS rows or ``look_s`` seconds of the queries' own clock have come together: a look at many
        costs little more than one at a few. Whoever replays the same exchanges looks at the same moments.
        """
        if self.watch is None:
            return ()
        watching, query = memory.watching, exchange.query
        if not watching.waiting:
            watching.since = query.at
        watching.waiting.append(exchange)
        watching.rows += query.inputs.rows
        if watching.rows >= LOOK_ROWS or not 0 <= query.at - watching.since < self._look_s:
            return self.look(memory)
        return ()

    def look(self, memory: Memory) -> tuple[Finding, ...]:
        """What detectors find in the exchanges that wait; to be called now and then where traffic may pause."""
        watching = memory.watching
        waiting, watching.waiting, watching.rows = watching.waiting, [], 0
        return self.watch.look(waiting, watching.cases) if self.watch is not None and waiting else ()

    def contract(self, query: Query) -> Contract:
        """What a query's answer may show: the model's contract where it has one, else that of the caller's tier."""
        policy = self.policy
        own = policy.contracts.get(query.model)
        return own if own is not None else policy.tiers.get(query.caller.account.tier, self._default_tier).contract

    def _coarser(self, standing: Standing, contract: Contract) -> Contract:
        """The contract as the standing narrows it. Contracts are few, so each is narrowed once."""
        coarser = self.policy.coarser.get(standing)
        if coarser is None:
            return contract
        narrowed = self._narrowed.get((standing, contract))
        if narrowed is None:
            narrowed = self._narrowed[standing, contract] = coarser.of(contract)
        return narrowed

    def _price(self, query: Query) -> Price:
        prices = self.policy.prices
        return prices.get(query.model) or prices.get("", _FREE)

    def _refusal(
        self, reason: str, retry_after_s: float, standing: Standing, contract: Contract, quota: Quota | None = None
    ) -> Decision:
        # Shadow mode is for rules that decide by themselves; an ended account was ended by a person.
        admitted = self.policy.shadow and standing not in _ENDED
        return Decision(admitted, False, reason, retry_after_s, standing, contract, (), quota)

    def _cut(self, decision: Decision, reason: str, retry_after_s: float) -> Decision | None:
        if not self.policy.shadow:
            return None
        return replace(decision, would_admit=False, reason=reason, retry_after_s=retry_after_s)


def _owners(query: Query) -> Owners:
    caller = query.caller
    account = caller.account
    return _new(Owners, (caller.key_id, account.id, account.organisation, caller.address, query.model, "*"))


def _actor(name: str) -> Owners:
    """The buckets that accounts of one actor share: those by account, and no other."""
    return _new(Owners, ("", _ACTOR + name, "", "", "", ""))


def _both(own: Reservation, shared: Reservation) -> Reservation:
    """Two reservations that have no bucket in common as one: all of both, or the longer wait of those that refuse."""
    if shared.refused_by and (not own.refused_by or shared.wait_s > own.wait_s):
        return shared._replace(refused_by=shared.refused_by.replace(Scope.ACCOUNT, _REFUSED, 1))
    if own.refused_by:
        return own
    return Reservation({**own.changes, **shared.changes}, own.charges + shared.charges, 0.0, "")


def _joined(charges: tuple[Charge, ...], more: tuple[Charge, ...]) -> tuple[Charge, ...]:
    """One charge a bucket again: the amounts added, the weights averaged over them, the earlier time kept."""
    joined = {charge.bucket: charge for charge in charges}
    for charge in more:
        first = joined.get(charge.bucket)
        if first is not None:
            amount = first.amount + charge.amount
            weight = (first.amount * first.weight + charge.amount * charge.weight) / amount
            charge = first._replace(amount=amount, weight=weight)
        joined[charge.bucket] = charge
    return tuple(joined.values())
