"""Keeps score of attacks: the attack asks through a meter, and hands over a copy that is measured behind its back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from moatkeeper.redteam.base import A, Attack, Q, S, S_contra, Victim
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.meter import Meter, Purchases
from moatkeeper.redteam.trade import Trade

FIDELITY = "fidelity"
"""The figure that every judge gives: how often, or how closely, the copy says what the victim says on held-out questions."""


class Judge(Protocol[S_contra]):
    """What only the harness knows: held-out questions, and the victim's own answers to them."""

    def figures(self, surrogate: S_contra, asked: frozenset[bytes], *, thorough: bool) -> Mapping[str, float]:
        """How well a copy does on held-out questions that are not among the ``asked``; holds FIDELITY.

        ``thorough`` adds what takes longer and is told once a campaign, such as how well adversarial examples transfer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Score:
    """How well a copy does, and what it took; every figure is the harness's own count."""

    budget: int
    queries: int
    unanswered: int
    spent: Expenses
    figures: Mapping[str, float]
    ended: str = ""  # why the victim could not be asked to the end; empty where it could

    @property
    def fidelity(self) -> float:
        """In [0, 1]; what exactly, the judge of the modality says."""
        return self.figures[FIDELITY]

    @property
    def in_full(self) -> bool:
        """Whether the victim answered all that the attack asked, which may be less than its budget."""
        return self.unanswered == 0


def climb(
    attack: Attack[Q, A, S],
    victim: Victim[Q, A],
    judge: Judge[S],
    trade: Trade[Q, A],
    rungs: Sequence[int],
    seed: int,
    *,
    purchases: Purchases | None = None,
    scored: Callable[[Score], None] = lambda score: None,
) -> tuple[Score, ...]:
    """The scores of one campaign at growing budgets. The attack begins each rung anew with the same seed, so that what it
    knows at a rung is what was bought so far and nothing else. ``scored`` is told each score as soon as it is there.

    After a rung on which the victim ended the asking, no higher one is climbed: it could bring nothing new.
    """
    purchases = purchases if purchases is not None else Purchases()
    scores: list[Score] = []
    for budget in rungs:
        meter = Meter(victim, budget, trade, purchases)
        loot = attack.run(meter, budget, np.random.default_rng(seed))
        meter.shut()
        last = budget == rungs[-1] or bool(purchases.ended)
        figures = dict(judge.figures(loot.surrogate, meter.asked, thorough=last)) | dict(loot.findings)
        score = Score(budget, meter.queries, meter.unanswered, meter.spent, figures, purchases.ended)
        scores.append(score)
        scored(score)
        if purchases.ended:
            break
    return tuple(scores)


def baseline(judge: Judge[S], surrogate: S) -> Score:
    """The score of a copy that was made without asking anybody."""
    return Score(0, 0, 0, Expenses(), judge.figures(surrogate, frozenset(), thorough=False))
