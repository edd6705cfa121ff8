"""A campaign: honest customers and thieves before one guard, in the order of their time, on a clock that only they move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import FloatArray, Query
from moatkeeper.guard.guard import Guard
from moatkeeper.redteam.adaptive.crew import Crew
from moatkeeper.redteam.armament import armed, informed
from moatkeeper.redteam.baton import Baton, Seat
from moatkeeper.redteam.campaign_findings import Campaign, Notice, Refusals, Theft
from moatkeeper.redteam.expenses import DAY_S, Expenses
from moatkeeper.redteam.harm import HarmRecord
from moatkeeper.redteam.harness import Score, baseline, climb
from moatkeeper.redteam.meter import Purchases
from moatkeeper.redteam.plan import Plan, Thief
from moatkeeper.redteam.population import Population
from moatkeeper.redteam.purse import Means, Purse
from moatkeeper.redteam.scene import Scene
from moatkeeper.redteam.trade import ROWS
from moatkeeper.redteam.world import World
from moatkeeper.store.memory import InMemory

NOBODY_ANSWERS = "no account is answered any more"
CREW_SEED = 1  # sets a crew's chance apart from that of its attack
REQUESTS_AT_ONCE = 4_096  # turned into plain numbers in one step; larger: more memory, hardly faster

Tell = Callable[[float], None]
"""Told the day that a campaign has come to."""


def _tell_nobody(day: float) -> None:
    """Where nobody waits."""


def campaign(name: str, guard: Guard | None, scene: Scene, plan: Plan, tell: Tell = _tell_nobody) -> Campaign:
    """What honest customers and thieves meet with before ``guard`` (None: the bare model), all in one world.

    Raises UsageError for an attack or a tactic that is not known. After Ctrl-C it returns what was measured up to then.
    """
    stage = _Stage(guard, scene, plan, tell)
    seats = [stage.seat(thief) for thief in plan.thieves]
    thefts = [_Theft(thief, seat, scene, guard, plan, stage.tally) for thief, seat in zip(plan.thieves, seats, strict=True)]
    whole = stage.baton.run(seats, [theft.run for theft in thefts])
    try:
        if whole:
            stage.world.advance(stage.end)
    except KeyboardInterrupt:
        whole = False
    return Campaign(
        guard=name,
        days=(stage.world.now - plan.start) / DAY_S,
        thefts=tuple(theft.result() for theft in thefts),
        without_api=baseline(scene.judge, scene.without_api),
        harm=stage.harm.total(),
        harm_by_kind=stage.harm.by_kind(),
        harm_by_tier=stage.harm.by_tier(),
        honest_refusals=stage.tally.honest.refusals(),
        notices=tuple(stage.notices),
        admitted_rows=dict(stage.tally.admitted_rows),
        whole=whole,
    )


class WatchedMemory(InMemory):
    """The engine's memory, which tells of every standing that changes."""

    def __init__(self, changed: Callable[[str, Standing, Standing], None]) -> None:
        super().__init__()
        self._changed = changed

    def stand(self, account: str, standing: Standing) -> None:
        """Sets the standing of an account, and tells of it where it was another."""
        before = self.standing(account)
        super().stand(account, standing)
        if before is not standing:
            self._changed(account, before, standing)


@dataclass(slots=True)
class _Counts:
    """Refusals of one party, in force or in shadow, and the day of its first."""

    requests: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    first_day: float | None = None

    def add(self, decision: Decision, rows: int, day: float) -> None:
        self.requests[decision.reason] += 1
        self.rows[decision.reason] += rows
        self.first_day = day if self.first_day is None else self.first_day

    def refusals(self) -> Refusals:
        return Refusals(dict(sorted(self.requests.items())), dict(sorted(self.rows.items())))


class _Tally:
    """Hears every decision, whoever asked."""

    def __init__(self, plan: Plan) -> None:
        self._start = plan.start
        self._thief = {account: thief.name for thief in plan.thieves for account in thief.accounts}
        self.by_thief = {thief.name: _Counts() for thief in plan.thieves}
        self.honest = _Counts()
        self.admitted_rows: Counter[str] = Counter()

    def party(self, account: str) -> str | None:
        """The thief whose account it is; None for honest ones."""
        return self._thief.get(account)

    def hear(self, query: Query, decision: Decision | None) -> None:
        """One query and what was decided on it; None where there is no guard."""
        account, rows = query.caller.account.id, query.cost.rows
        if decision is None or decision.admitted:
            self.admitted_rows[account] += rows
        if decision is not None and not decision.would_admit:
            thief = self._thief.get(account)
            counts = self.honest if thief is None else self.by_thief[thief]
            counts.add(decision, rows, (query.at - self._start) / DAY_S)


class _Request(NamedTuple):
    """One honest request: when, by which customer, and the indexes of its rows."""

    at: float
    who: int
    rows: npt.NDArray[np.int64]


def _requests(population: Population) -> Iterator[_Request]:
    """The population's requests in order; a named tuple each, because there are millions."""
    for begin in range(0, len(population.times), REQUESTS_AT_ONCE):
        part = slice(begin, begin + REQUESTS_AT_ONCE)
        columns = (population.times[part], population.who[part], population.first[part], population.count[part])
        for at, who, first, count in zip(*(column.tolist() for column in columns), strict=True):
            yield _Request(at, who, population.rows[first : first + count])


class _Stage:
    """The world of one campaign, with everything in it but the thieves' work."""

    def __init__(self, guard: Guard | None, scene: Scene, plan: Plan, tell: Tell) -> None:
        self._plan, self._scene = plan, scene
        self.end = plan.start + plan.days * DAY_S
        self.notices: list[Notice] = []
        self.tally = _Tally(plan)
        self._kinds = {customer.caller.account.id: customer.kind for customer in plan.population.customers}
        memory = WatchedMemory(self._notice)
        self.world = World(scene.model, guard, memory=memory, start=plan.start, name=scene.name, watch=self.tally.hear)
        self.baton = Baton(self.world)
        self._truth = scene.model(scene.rows)
        self.harm = HarmRecord(plan.population, self._truth)
        self._requests = iter(_requests(plan.population))
        self._upcoming = next(self._requests, None)
        if self._upcoming is not None:
            self.world.schedule(self._upcoming.at, self._honest_request)
        for day in range(int(plan.days) + 1):
            self.world.schedule(plan.start + day * DAY_S, lambda day=day: tell(day))  # type: ignore[misc]
        for intervention in plan.interventions:
            at = plan.start + intervention.day * DAY_S
            self.world.schedule(at, lambda it=intervention: self._intervene(it.accounts, it.standing))  # type: ignore[misc]

    def seat(self, thief: Thief) -> Seat:
        """A thief's place in the world."""
        began = self._plan.start + thief.begins_day * DAY_S
        end = min(self.end, began + thief.crew.days * DAY_S)
        means = Means(thief.crew.money, (end - began) / DAY_S, thief.crew.accounts)
        return Seat(self.world, self.baton, Purse(means, self._plan.prices, began, now=began), end)

    def _honest_request(self) -> None:
        upcoming = self._upcoming
        if upcoming is None:
            return
        who, rows = upcoming.who, upcoming.rows
        reply = self.world.ask(self._plan.population.customers[who].caller, self._scene.rows[rows], self._truth[rows])
        if reply.answers is None:
            self.harm.refused(who, len(rows))
        else:
            self.harm.answered(who, rows, reply.answers)
        self._upcoming = next(self._requests, None)
        if self._upcoming is not None:
            self.world.schedule(self._upcoming.at, self._honest_request)

    def _intervene(self, pattern: str, standing: Standing) -> None:
        hostile = [account for thief in self._plan.thieves for account in thief.accounts]
        for account in (*hostile, *self._kinds):
            if fnmatchcase(account, pattern):
                self.world.memory.stand(account, standing)

    def _notice(self, account: str, before: Standing, after: Standing) -> None:
        thief = self.tally.party(account)
        day = (self.world.now - self._plan.start) / DAY_S
        party = thief if thief is not None else self._kinds.get(account, "")
        self.notices.append(Notice(day, account, party, thief is not None, before, after))


class _Door:
    """What an attack asks: the crew, whose bill the house keeps, and whose purchases end with it."""

    def __init__(self, crew: Crew, purse: Purse, purchases: Purchases) -> None:
        self._crew = crew
        self._purse = purse
        self._purchases = purchases
        self._handed_over = 0

    @property
    def spent(self) -> Expenses:
        """The house's own count."""
        return replace(self._purse.spent, extra_rows=self._purse.rows - self._handed_over)

    def ask(self, rows: FloatArray) -> FloatArray:
        """The crew's answers; where some are missing, these were the last."""
        answers = self._crew.ask(rows)
        self._handed_over += len(answers)
        if len(answers) < len(rows):
            self._purchases.ended = self._purse.empty or self._crew.ended or NOBODY_ANSWERS
        return answers


class _Theft:
    """One thief at work, in a thread that runs when it is his turn."""

    def __init__(self, thief: Thief, seat: Seat, scene: Scene, guard: Guard | None, plan: Plan, tally: _Tally) -> None:
        self._thief, self._seat, self._scene, self._tally = thief, seat, scene, tally
        self._attack = armed(thief, scene.knowledge, guard)
        self._crew_plan = replace(informed(thief, guard), prices=plan.prices, days=seat.purse.means.days)
        self._purchases = Purchases()
        self._scores: list[Score] = []

    def run(self) -> None:
        """The whole theft; its scores are kept as they come, so that an interruption loses none."""
        purse, knowledge = self._seat.purse, self._scene.knowledge
        self._seat.advance(max(purse.began, self._seat.now))
        pool = knowledge.pool if len(knowledge.pool) else None
        crew = Crew(self._seat, self._crew_plan, np.random.default_rng((self._thief.seed, CREW_SEED)), pool)
        door = _Door(crew, purse, self._purchases)
        rungs, seed = self._thief.rungs, self._thief.seed
        judge, done = self._scene.judge, self._scores.append
        climb(self._attack, door, judge, ROWS, rungs, seed, purchases=self._purchases, scored=done)

    def result(self) -> Theft:
        """What became of it."""
        purse, counts = self._seat.purse, self._tally.by_thief[self._thief.name]
        return Theft(
            thief=self._thief,
            scores=tuple(self._honestly(score) for score in self._scores),
            rows=purse.rows,
            spent=purse.spent,
            money=purse.money,
            ended=self._purchases.ended,
            refusals=counts.refusals(),
            first_refusal_day=counts.first_day,
        )

    def _honestly(self, score: Score) -> Score:
        """A thief whom nobody answered has the copy that he could have made without asking."""
        if score.queries:
            return score
        return replace(score, figures=baseline(self._scene.judge, self._scene.without_api).figures)
