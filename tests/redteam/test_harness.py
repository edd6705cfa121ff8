from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.harness import Score, climb
from moatkeeper.redteam.judges import ClassJudge, RowJudge
from moatkeeper.redteam.meter import Purchases
from moatkeeper.redteam.trade import ROWS


@dataclass
class Threshold:
    """A model that decides by the sign of the first column, and answers at most ``allowance`` rows."""

    allowance: int = 10**9
    refused: int = 0
    asked: list[FloatArray] = field(default_factory=list)

    @property
    def spent(self) -> Expenses:
        return Expenses(requests=len(self.asked), refused=self.refused)

    def ask(self, rows: FloatArray) -> FloatArray:
        answered = rows[: self.allowance]
        self.allowance -= len(answered)
        self.refused += len(answered) < len(rows)
        self.asked.extend(answered)
        return self.scores(answered)

    def scores(self, rows: FloatArray) -> FloatArray:
        positive = (rows[:, 0] > 0).astype(float)
        return np.column_stack([1 - positive, positive])


@dataclass(frozen=True)
class Asks:
    """An attack that asks given rows and hands over a given copy."""

    rows: FloatArray
    surrogate: Surrogate
    name: str = "asks"

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        victim.ask(self.rows)
        return Loot(self.surrogate)


def judge(rows: FloatArray) -> RowJudge:
    truth = Threshold()
    uniform = np.random.default_rng(1).uniform(-1, 1, (50, rows.shape[1]))
    held_out = ClassJudge(ROWS, rows, truth.scores(rows), (rows[:, 0] > 0).astype(np.int64))
    return RowJudge(held_out, uniform, truth.scores(uniform))


def campaign(attack: Asks, victim: Threshold, held_out: FloatArray, rungs: list[int]) -> tuple[Score, ...]:
    return climb(attack, victim, judge(held_out), ROWS, rungs, seed=0)


def some_rows(count: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(count, 2))


def test_a_budget_is_a_hard_limit_whatever_the_attack_asks() -> None:
    victim = Threshold()
    (score,) = campaign(Asks(some_rows(7, seed=3), Threshold()), victim, some_rows(30), [5])
    assert score.queries == len(victim.asked) == 5


def test_held_out_rows_that_the_attack_asked_are_not_scored() -> None:
    held_out = some_rows(20)

    class KnowsByHeart:
        """Right on what it asked, and wrong on everything else."""

        def scores(self, rows: FloatArray) -> FloatArray:
            known = {row.tobytes() for row in held_out[:15]}
            right = Threshold().scores(rows)
            seen = np.array([row.tobytes() in known for row in rows])
            return np.where(seen[:, None], right, 1 - right)

    (score,) = campaign(Asks(held_out[:15], KnowsByHeart()), Threshold(), held_out, [20])
    assert score.fidelity == 0.0


def test_an_attack_that_asks_every_held_out_row_is_not_scored_at_all() -> None:
    held_out = some_rows(20)
    with pytest.raises(MoatkeeperError, match="nothing is left"):
        campaign(Asks(held_out, Threshold()), Threshold(), held_out, [20])


def test_a_copy_that_asks_the_victim_while_it_is_scored_is_caught() -> None:
    class Smuggler:
        name = "smuggler"

        def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
            class Relay:
                def scores(self, rows: FloatArray) -> FloatArray:
                    return victim.ask(rows)

            return Loot(Relay())

    with pytest.raises(MoatkeeperError, match="after the attack had ended"):
        climb(Smuggler(), Threshold(), judge(some_rows(20)), ROWS, [10], seed=0)


def test_refused_rows_are_counted_as_unanswered_at_each_rung() -> None:
    scores = campaign(Asks(some_rows(8, seed=3), Threshold()), Threshold(allowance=5), some_rows(30), [4, 8])
    assert [(score.queries, score.unanswered, score.in_full) for score in scores] == [(4, 0, True), (5, 3, False)]


def test_a_campaign_pays_once_for_what_it_asks_at_every_rung() -> None:
    victim = Threshold()
    campaign(Asks(some_rows(8, seed=3), Threshold()), victim, some_rows(30), [2, 4, 8])
    assert len(victim.asked) == 8


def test_a_victim_that_fails_ends_the_campaign_with_what_it_had_learned() -> None:
    class Dies(Threshold):
        def ask(self, rows: FloatArray) -> FloatArray:
            if len(self.asked) >= 3:
                raise MoatkeeperError("the connection was lost")
            return super().ask(rows)

    class AsksTwice(Asks):
        def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
            victim.ask(self.rows[:3])
            return super().run(victim, budget, rng)

    scores = campaign(AsksTwice(some_rows(9, seed=3), Threshold()), Dies(), some_rows(30), [2, 4, 8])
    assert [(score.queries, score.ended) for score in scores] == [(2, ""), (3, "the connection was lost")]


def test_a_resumed_campaign_asks_nothing_again_and_scores_the_same() -> None:
    kept = Purchases()
    attack, held_out = Asks(some_rows(8, seed=3), Threshold()), judge(some_rows(30))
    first = climb(attack, Threshold(), held_out, ROWS, [2, 4], seed=0, purchases=kept)
    resumed = Threshold()
    again = climb(attack, resumed, held_out, ROWS, [2, 4, 8], seed=0, purchases=Purchases(dict(kept.bought)))
    assert len(resumed.asked) == 4
    assert [score.figures for score in again[:2]] == [score.figures for score in first]
