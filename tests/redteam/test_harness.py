from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError
from moatkeeper.redteam.base import Loot, Surrogate, Victim
from moatkeeper.redteam.harness import Judge, Meter, agreement, climb


@dataclass
class Threshold:
    """A model that decides by the sign of the first column, and answers at most ``allowance`` rows."""

    allowance: int = 10**9
    refused: int = 0
    asked: list[FloatArray] = field(default_factory=list)

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
    """An attack that asks given rows and hands over a given copy, whatever it claims."""

    rows: FloatArray
    surrogate: Surrogate
    name: str = "asks"

    def run(self, victim: Victim, budget: int, rng: np.random.Generator) -> Loot:
        victim.ask(self.rows)
        return Loot(self.surrogate, queries=0, refused=0)


def judge(rows: FloatArray) -> Judge:
    truth = Threshold()
    uniform = np.random.default_rng(1).uniform(-1, 1, (50, rows.shape[1]))
    return Judge(rows, truth.scores(rows), (rows[:, 0] > 0).astype(float), uniform, truth.scores(uniform))


def some_rows(count: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(count, 2))


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 12), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_a_meter_never_buys_more_rows_than_the_budget_and_charges_no_row_twice(
    asked: list[int], budget: int, allowance: int
) -> None:
    victim = Threshold(allowance)
    rows = np.array([[float(number), 0.0] for number in asked]).reshape(-1, 2)
    meter = Meter(victim, budget, {})
    for part in np.array_split(rows, 3):
        answers = meter.ask(part)
        assert answers.tolist() == victim.scores(part[: len(answers)]).reshape(-1, 2).tolist() or not len(answers)
    bought = [row.tobytes() for row in victim.asked]
    assert len(bought) == len(set(bought)) <= budget
    assert meter.queries <= len(bought)


def test_a_copy_that_is_the_model_scores_one_and_its_opposite_scores_nought() -> None:
    class Opposite:
        def scores(self, rows: FloatArray) -> FloatArray:
            return 1 - Threshold().scores(rows)

    held_out = some_rows(30)
    same = judge(held_out).score(Threshold(), budget=1, asked=frozenset(), unanswered=0)
    opposite = judge(held_out).score(Opposite(), budget=1, asked=frozenset(), unanswered=0)
    assert (same.fidelity, same.fidelity_uniform, same.total_variation, same.accuracy) == (1.0, 1.0, 0.0, 1.0)
    assert (opposite.fidelity, opposite.fidelity_uniform, opposite.total_variation, opposite.accuracy) == (0.0, 0.0, 1.0, 0.0)


def test_agreement_by_hand() -> None:
    truth = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    copy = np.array([[0.6, 0.4], [0.4, 0.6], [0.1, 0.9], [0.0, 1.0]])
    assert agreement(copy, truth) == 0.75


def test_what_an_attack_claims_does_not_count() -> None:
    (score,) = climb(Asks(some_rows(7, seed=3), Threshold()), Threshold(), judge(some_rows(30)), [5], seed=0)
    assert score.queries == 5


def test_held_out_rows_that_the_attack_asked_are_not_scored() -> None:
    held_out = some_rows(20)

    class KnowsByHeart:
        """Right on what it asked, and wrong on everything else."""

        def scores(self, rows: FloatArray) -> FloatArray:
            known = {row.tobytes() for row in held_out[:15]}
            right = Threshold().scores(rows)
            seen = np.array([row.tobytes() in known for row in rows])
            return np.where(seen[:, None], right, 1 - right)

    (score,) = climb(Asks(held_out[:15], KnowsByHeart()), Threshold(), judge(held_out), [20], seed=0)
    assert score.fidelity == 0.0


def test_an_attack_that_asks_every_held_out_row_is_not_scored_at_all() -> None:
    held_out = some_rows(20)
    with pytest.raises(MoatkeeperError, match="nothing is left"):
        climb(Asks(held_out, Threshold()), Threshold(), judge(held_out), [20], seed=0)


def test_a_copy_that_asks_the_victim_while_it_is_scored_is_caught() -> None:
    class Smuggler:
        name = "smuggler"

        def run(self, victim: Victim, budget: int, rng: np.random.Generator) -> Loot:
            class Relay:
                def scores(self, rows: FloatArray) -> FloatArray:
                    return victim.ask(rows)

            return Loot(Relay(), 0, 0)

    with pytest.raises(MoatkeeperError, match="after the attack had ended"):
        climb(Smuggler(), Threshold(), judge(some_rows(20)), [10], seed=0)


@pytest.mark.parametrize("wrong", [np.full((20, 2), np.nan), np.zeros((20, 3)), np.zeros((19, 2))])
def test_a_copy_without_finite_scores_for_every_row_is_refused(wrong: FloatArray) -> None:
    class Broken:
        def scores(self, rows: FloatArray) -> FloatArray:
            return wrong

    with pytest.raises(MoatkeeperError, match="finite scores"):
        judge(some_rows(20)).score(Broken(), budget=1, asked=frozenset(), unanswered=0)


def test_refused_rows_are_counted_as_unanswered_at_each_rung() -> None:
    scores = climb(Asks(some_rows(8, seed=3), Threshold()), Threshold(allowance=5), judge(some_rows(30)), [4, 8], seed=0)
    assert [(score.queries, score.unanswered, score.in_full) for score in scores] == [(4, 0, True), (5, 3, False)]


def test_a_campaign_pays_once_for_what_it_asks_at_every_rung() -> None:
    victim = Threshold()
    climb(Asks(some_rows(8, seed=3), Threshold()), victim, judge(some_rows(30)), [2, 4, 8], seed=0)
    assert len(victim.asked) == 8


def test_the_constant_baseline_is_the_share_of_the_commonest_decision() -> None:
    rows = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [3.0, 0.0]])
    assert judge(rows).constant_fidelity() == 0.75
