"""A run over seeds: each its own campaign, ended by Ctrl-C with what is there, and gone on with for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import StoreError, UpstreamUnreachable, UsageError
from moatkeeper.redteam.attacks.equations import Equations
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.judges import row_judge
from moatkeeper.redteam.knowledge import knowledge_of
from moatkeeper.redteam.meter import Purchase, Purchases
from moatkeeper.redteam.runs import Plan, checked_rungs, perform, rungs_to
from moatkeeper.redteam.trade import ROWS

POOL, HELD_OUT = np.random.default_rng(0).normal(size=(2, 60, 3))


def model(rows: FloatArray) -> FloatArray:
    """A logistic regression."""
    positive = 1 / (1 + np.exp(-rows.sum(axis=1)))
    return np.column_stack([1 - positive, positive])


@dataclass
class Frail:
    """Answers, and raises what it is told to once it has answered so many rows."""

    end: type[BaseException] | None = None
    after: int = 10**9
    asked: list[list[float]] = field(default_factory=list)

    @property
    def spent(self) -> Expenses:
        return Expenses(requests=len(self.asked))

    def ask(self, rows: FloatArray) -> FloatArray:
        if self.end is not None and len(self.asked) >= self.after:
            raise self.end("ended")
        self.asked.extend(rows.tolist())
        return model(rows)


def plan(victim: Frail, *, seeds: tuple[int, ...] = (0, 1), portion: int = 5) -> Plan[FloatArray, FloatArray, Surrogate]:
    """Three rungs of equation solving."""
    judge = row_judge(model, HELD_OUT, np.random.default_rng(1), uniform=50, transfers=False)
    knowledge = knowledge_of(POOL, 2)
    return Plan(lambda: Equations(knowledge), lambda position: victim, judge, ROWS, (5, 10, 20), seeds, portion)


def test_each_seed_climbs_all_rungs_and_is_told_of() -> None:
    told: list[tuple[int, int]] = []
    run = perform(plan(Frail()), lambda seed: Purchases(), lambda seed, score: told.append((seed, score.budget)))
    assert told == [(0, 5), (0, 10), (0, 20), (1, 5), (1, 10), (1, 20)]
    assert [[score.queries for score in scores] for scores in run.scores] == [[5, 10, 20]] * 2
    assert not run.interrupted
    assert run.ended == ""


def test_an_interruption_leaves_the_scores_up_to_then_and_a_resumption_asks_nothing_twice() -> None:
    kept = {0: Purchases(), 1: Purchases()}
    stopped = Frail(KeyboardInterrupt, after=30)
    run = perform(plan(stopped), lambda seed: kept[seed])
    assert run.interrupted
    assert [len(scores) for scores in run.scores] == [3, 2]
    further = Frail()
    whole = perform(plan(further), lambda seed: kept[seed])
    assert [len(scores) for scores in whole.scores] == [3, 3]
    assert len(further.asked) == 10, "the first seed's 20 and the second's 10 were bought before"
    unbroken = perform(plan(Frail()), lambda seed: Purchases())
    assert [[score.figures for score in scores] for scores in whole.scores] == [
        [score.figures for score in scores] for scores in unbroken.scores
    ]


def test_a_victim_that_dies_ends_its_campaign_with_what_was_learned() -> None:
    run = perform(plan(Frail(UpstreamUnreachable, after=7), seeds=(0,), portion=1), lambda seed: Purchases())
    assert run.ended == "ended"
    assert [score.queries for score in run.scores[0]] == [5, 7]
    assert run.scores[0][-1].unanswered == 3


def test_whatever_else_breaks_leaves_the_scores_that_are_there() -> None:
    def keep(batch: Sequence[Purchase]) -> None:
        kept.append(len(batch))
        if sum(kept) > 10:
            raise StoreError("the disk is full")

    kept: list[int] = []
    run = perform(plan(Frail(), seeds=(0,)), lambda seed: Purchases(keep=keep))
    assert isinstance(run.failure, StoreError)
    assert run.ended == "the disk is full"
    assert [score.queries for score in run.scores[0]] == [5, 10]


def test_rungs_grow_to_the_budget() -> None:
    assert rungs_to(65) == (10, 20, 50, 65)
    assert rungs_to(100) == (10, 20, 50, 100)
    assert rungs_to(3) == (3,)
    assert checked_rungs([20, 10, 10], 50) == (10, 20, 50)
    for bad in (0, -1):
        with pytest.raises(UsageError):
            rungs_to(bad)
    for rungs in ([0], [60]):
        with pytest.raises(UsageError):
            checked_rungs(rungs, 50)
