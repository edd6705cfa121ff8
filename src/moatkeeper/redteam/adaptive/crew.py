"""A crew: many accounts behind the real engine that ask one attack's questions, on the world's clock, to a hard end."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import floor, inf

import numpy as np

from moatkeeper.core.caller import Account, Caller
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.crew_plan import Allocation, CrewPlan, OnDetection, OnRefusal, Timing
from moatkeeper.redteam.adaptive.pace import Fast, Human, Pace, UnderLimits
from moatkeeper.redteam.adaptive.routes import Anybody, Regions, Route, Topics
from moatkeeper.redteam.expenses import DAY_S, Expenses
from moatkeeper.redteam.world import Reply, World

HOSTS = 250  # addresses used of each block of 256


@dataclass(slots=True)
class _Member:
    """One account as its crew sees it."""

    number: int
    account: Account
    size: int  # rows a request, halved where the whole was refused for good
    free_at: float
    queue: deque[int] = field(default_factory=deque)  # rows that it alone is to ask
    requests: int = 0
    barred: bool = False  # refused, and its Retry-After has not passed
    probe_due: bool = False  # its next request asks what is known, to see whether it has been noticed
    lost: bool = False  # never asked again


@dataclass(slots=True)
class _Errand:
    """One call of ask: its rows, and what has come of them."""

    rows: FloatArray
    common: deque[int]  # rows that anybody may ask
    answers: dict[int, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """Questions that a crew asked at its beginning, and what it was told."""

    rows: FloatArray
    answers: FloatArray


class Crew:
    """A victim for any attack on rows: World's model, asked through the accounts of ``plan``.

    ``pool`` (m, d), rows of the thief's own, is what topics and regions are cut from. Every figure in ``spent`` is what
    World's ``watch`` saw: a request is one call, refused or not; accounts and proxies are those that were used. Once an end is
    reached (days, money, detection, no account left), ``ended`` says which, and nothing more is asked.
    """

    def __init__(self, world: World, plan: CrewPlan, rng: np.random.Generator, pool: FloatArray | None = None) -> None:
        self._world = world
        self._plan = plan
        self._pace = _pace(plan, rng)
        self._route = _route(plan, rng, pool)
        self._members: list[_Member] = []
        self._began: float | None = None
        self._last = 0.0  # when it last did something
        self._counts = Expenses()
        self._used_proxies: set[str] = set()
        self._answered = 0
        self._returned = 0
        self._known: Known | None = None
        self.ended = ""  # why nothing more is asked; empty while it is

    @property
    def spent(self) -> Expenses:
        """What the world was asked and what it took, from the first question on."""
        elapsed_s = 0.0 if self._began is None else self._last - self._began
        return replace(self._counts, elapsed_s=elapsed_s, extra_rows=self._answered - self._returned)

    @property
    def answered(self) -> int:
        """All rows that were answered, probes included."""
        return self._answered

    def ask(self, rows: FloatArray) -> FloatArray:
        """Scores of the first m rows; m < n where an end was reached, or under LEAVE where every account was refused."""
        if self._began is None:
            self._begin()
        errand = self._assigned(rows)
        ready = self._ready(errand)
        while ready and len(errand.answers) < len(rows) and not self.ended:
            _, _, number = heapq.heappop(ready)
            member = self._members[number]
            if member.lost or not (member.queue or errand.common):
                continue
            if member.barred and self._plan.on_refusal is OnRefusal.LEAVE and member.free_at > self._world.now:
                continue
            if not self._wait_for(member):
                break
            self._work(member, errand)
            ready = self._again(ready, member, errand)
        answered = next((index for index in range(len(rows)) if index not in errand.answers), len(rows))
        self._returned += answered
        return np.array([errand.answers[index] for index in range(answered)]) if answered else np.empty((0, 0))

    def _begin(self) -> None:
        plan, now = self._plan, self._world.now
        self._began = self._last = now
        for number in range(plan.accounts):
            account = Account(f"{plan.name}-{number}", tier=plan.tier)
            self._members.append(_Member(number, account, self._pace.rows_per_request, self._pace.begin(number, now)))

    def _assigned(self, rows: FloatArray) -> _Errand:
        errand = _Errand(rows, deque())
        for member in self._members:
            member.queue.clear()
        for index, number in enumerate(self._route(rows).tolist()):
            bound = number >= 0 and not self._members[number].lost
            (self._members[number].queue if bound else errand.common).append(index)
        return errand

    def _ready(self, errand: _Errand) -> list[tuple[float, int, int]]:
        """Everybody who may have something to ask: the free first, among them those who have asked least."""
        members = [one for one in self._members if not one.lost and (errand.common or one.queue)]
        ready = [_turn(member) for member in members]
        heapq.heapify(ready)
        return ready

    def _again(self, ready: list[tuple[float, int, int]], member: _Member, errand: _Errand) -> list[tuple[float, int, int]]:
        if member.lost:
            errand.common.extendleft(reversed(member.queue))
            member.queue.clear()
        if member.lost or member.barred:  # its rows may have gone to all others, who may be idle
            return self._ready(errand)
        heapq.heappush(ready, _turn(member))
        return ready

    def _wait_for(self, member: _Member) -> bool:
        """Whether the account is free before the last day ends; the clock then stands where it is."""
        at = max(self._world.now, member.free_at, self._pace.crew_free_at())
        end = (self._began or 0.0) + self._plan.days * DAY_S
        if at >= end:
            self._world.advance(max(self._world.now, end))
            self._last = self._world.now
            self.ended = f"the {self._plan.days:g} days are over"
            return False
        self._world.advance(at)
        member.barred = False
        return True

    def _work(self, member: _Member, errand: _Errand) -> None:
        """One request of the account; what it is refused goes where the plan says."""
        if member.probe_due:
            self._probe(member)
            return
        size = min(member.size, self._affordable(member))
        if size < 1:
            self.ended = f"the {self._plan.money:g} dollars are spent"
            return
        source = member.queue or errand.common
        batch = [source.popleft() for _ in range(min(size, len(source)))]
        reply = self._send(member, errand.rows[batch])
        if reply.answers is not None:
            errand.answers.update(zip(batch, reply.answers, strict=True))
            self._remember(member, errand.rows[batch], reply.answers)
        else:
            self._refused(member, batch, reply.retry_after_s, errand)

    def _send(self, member: _Member, rows: FloatArray) -> Reply:
        plan = self._plan
        turn = self._counts.requests if plan.rotate else member.number
        address = _address(plan.network, turn % plan.proxies)
        caller = Caller(member.account, f"{plan.name}-key-{member.number}", address, plan.basis)
        self._used_proxies.add(address)
        self._counts = replace(
            self._counts,
            requests=self._counts.requests + 1,
            accounts=self._counts.accounts + (member.requests == 0),
            proxies=len(self._used_proxies),
        )
        member.requests += 1
        self._last = self._world.now
        member.free_at = self._pace.next_at(member.number, self._world.now)
        reply = self._world.ask(caller, rows)
        if reply.answers is None:
            self._counts = replace(self._counts, refused=self._counts.refused + 1)
        else:
            self._answered += len(reply.answers)
        return reply

    def _refused(self, member: _Member, batch: Sequence[int], retry_after_s: float, errand: _Errand) -> None:
        if retry_after_s == inf and len(batch) > 1:  # more than fits at once, or an account that has ended: less will tell
            member.size = len(batch) // 2
        elif retry_after_s == inf:
            member.lost = True
        else:
            member.free_at = max(member.free_at, self._world.now + retry_after_s)
            member.barred = True
        stays = self._plan.on_refusal is OnRefusal.WAIT or not member.barred
        (member.queue if stays and not member.lost else errand.common).extendleft(reversed(batch))
        if not stays:  # what else was its own goes along: others are free
            errand.common.extend(member.queue)
            member.queue.clear()
        if all(one.lost for one in self._members):
            self.ended = "no account is left"

    def _affordable(self, member: _Member) -> int:
        """How many rows the account may ask in one request before the money is spent."""
        plan, counts = self._plan, self._counts
        if plan.money == inf:
            return member.size
        turn = counts.requests if plan.rotate else member.number
        new_proxy = _address(plan.network, turn % plan.proxies) not in self._used_proxies
        with_it = replace(
            counts,
            requests=counts.requests + 1,
            accounts=counts.accounts + (member.requests == 0),
            proxies=counts.proxies + new_proxy,
        )
        left = plan.money - plan.prices.total(self._answered, with_it)
        if left < 0:
            return 0
        return member.size if plan.prices.per_row <= 0 else min(member.size, floor(left / plan.prices.per_row + ROUNDING))

    def _remember(self, member: _Member, rows: FloatArray, answers: FloatArray) -> None:
        """Keeps the crew's first answers to compare later ones with, and says when it is time to."""
        canary = self._plan.canary
        if canary is None:
            return
        if self._known is None:
            self._known = Known(rows[: canary.rows].copy(), answers[: canary.rows].copy())
        else:
            member.probe_due = member.requests % canary.every == 0

    def _probe(self, member: _Member) -> None:
        """Asks known questions again, and leaves the account, or all, where the answers have changed."""
        member.probe_due = False
        canary, known = self._plan.canary, self._known
        if canary is None or known is None or self._affordable(member) < len(known.rows):
            return
        reply = self._send(member, known.rows)
        if reply.answers is None and reply.retry_after_s < inf:  # an ordinary limit
            member.free_at = max(member.free_at, self._world.now + reply.retry_after_s)
            member.barred = True
            return
        if reply.answers is not None and float(np.abs(reply.answers - known.answers).max()) <= canary.tolerance:
            return
        member.lost = True
        if canary.action is OnDetection.STOP:
            self.ended = "a probe suggests detection"
        elif all(one.lost for one in self._members):
            self.ended = "no account is left"


ROUNDING = 1e-9  # a sum of prices that is exact on paper may fall short of it by less than this


def _turn(member: _Member) -> tuple[float, int, int]:
    return member.free_at, member.requests, member.number


def _address(network: str, number: int) -> str:
    return f"{network}.{number // HOSTS}.{number % HOSTS + 1}"


def _pace(plan: CrewPlan, rng: np.random.Generator) -> Pace:
    if plan.timing is Timing.HUMAN:
        return Human(rng, plan.accounts, plan.rows_per_request, plan.start_days)
    if plan.timing is Timing.UNDER_LIMITS:
        return UnderLimits(plan.limits, plan.fraction, plan.rows_per_request, plan.request_s)
    return Fast(plan.rows_per_request, plan.request_s)


def _route(plan: CrewPlan, rng: np.random.Generator, pool: FloatArray | None) -> Route:
    if plan.allocation is Allocation.ROUND_ROBIN:
        return Anybody()
    if pool is None or not len(pool):
        raise UsageError(f"the allocation by {plan.allocation} needs rows of the thief's own")
    return Topics(pool, plan.accounts, rng) if plan.allocation is Allocation.TOPIC else Regions(pool, plan.accounts)
