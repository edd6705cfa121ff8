"""One attack run over several seeds, each a campaign of its own, which may be interrupted and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

from moatkeeper.errors import MoatkeeperError, UsageError
from moatkeeper.redteam.base import A, Attack, Q, S, Victim
from moatkeeper.redteam.harness import Judge, Score, climb
from moatkeeper.redteam.journal import last_spent
from moatkeeper.redteam.meter import Purchases
from moatkeeper.redteam.trade import Trade
from moatkeeper.redteam.victims import Continued

FIRST_RUNG = 10
STEPS = (1, 2, 5)
"""Rungs between powers of ten, where nobody names others."""


@dataclass(frozen=True, slots=True)
class Plan(Generic[Q, A, S]):
    """What is run. ``attack`` and ``victim`` are made anew for each seed; the victim is told the seed's position.

    ``baselines`` are fidelities that need no API, by what they are. ``portion`` is how many questions are put to the victim
    at once: what a kill can lose.
    """

    attack: Callable[[], Attack[Q, A, S]]
    victim: Callable[[int], Victim[Q, A]]
    judge: Judge[S]
    trade: Trade[Q, A]
    rungs: tuple[int, ...]
    seeds: tuple[int, ...]
    portion: int
    baselines: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """The scores by seed; where the run was interrupted, the last seeds have fewer or none."""

    scores: tuple[tuple[Score, ...], ...]
    interrupted: bool = False
    failure: MoatkeeperError | None = None  # what broke the run, other than the victim

    @property
    def ended(self) -> str:
        """Why the run did not come to its end; empty where it did."""
        if self.failure is not None:
            return self.failure.message
        return next((score.ended for scores in self.scores for score in scores if score.ended), "")


def perform(
    plan: Plan[Q, A, S],
    purchases: Callable[[int], Purchases],
    scored: Callable[[int, Score], None] = lambda seed, score: None,
) -> Run:
    """Climbs all rungs with each seed; Ctrl-C and errors end the run with the scores that are there.

    ``purchases`` gives what was bought with a seed before, and keeps what is bought now.
    """
    scores: list[list[Score]] = []
    try:
        for position, seed in enumerate(plan.seeds):
            mine: list[Score] = []
            scores.append(mine)

            def told(score: Score, mine: list[Score] = mine, seed: int = seed) -> None:
                mine.append(score)
                scored(seed, score)

            bought = purchases(seed)
            bought.portion = plan.portion
            victim = plan.victim(position)
            if bought.bought:
                victim = Continued(victim, last_spent(bought))
            climb(plan.attack(), victim, plan.judge, plan.trade, plan.rungs, seed, purchases=bought, scored=told)
    except KeyboardInterrupt:
        return Run(tuple(map(tuple, scores)), interrupted=True)
    except MoatkeeperError as failure:
        return Run(tuple(map(tuple, scores)), failure=failure)
    return Run(tuple(map(tuple, scores)))


def rungs_to(budget: int) -> tuple[int, ...]:
    """10, 20, 50, 100 and so on below a budget, then the budget; raises UsageError for a budget below 1."""
    if budget < 1:
        raise UsageError(f"found a budget of {budget}, expected at least 1 query", hint="Such as --budget 1000.")
    powers = range(1, len(str(budget)) + 1)
    below = [step * 10**power for power in powers for step in STEPS if FIRST_RUNG <= step * 10**power < budget]
    return (*below, budget)


def checked_rungs(rungs: Sequence[int], budget: int) -> tuple[int, ...]:
    """Rungs that an operator named, in order and once each, with the budget as the last; raises UsageError."""
    bad = [rung for rung in rungs if not 1 <= rung <= budget]
    if bad:
        raise UsageError(f"found a rung at {bad[0]}, expected 1 to the budget of {budget}", hint="The budget is a hard limit.")
    return tuple(sorted({*rungs, budget}))
