"""ART's own attacks against our victims: they keep the laws of ours, steal a real model, and fail where they must."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.art import ART_ATTACKS, black_box
from moatkeeper.redteam.datasets import builtin
from moatkeeper.redteam.harness import climb
from moatkeeper.redteam.judges import row_judge
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of
from moatkeeper.redteam.trade import ROWS
from moatkeeper.redteam.victims import LocalVictim
from tests.contracts.test_attacks_contract import Linear

pytestmark = pytest.mark.filterwarnings("ignore")

DIGITS = builtin("digits")


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    """A softmax regression of digits."""
    return LogisticRegression(max_iter=300).fit(DIGITS.training.rows / 16, DIGITS.training.outcomes)


def few() -> RowKnowledge:
    """Forty rows of four columns."""
    return knowledge_of(np.random.default_rng(0).normal(size=(40, 4)), 2)


def test_copycat_steals_more_than_the_constant_answer_and_from_random_answers_nothing(model: LogisticRegression) -> None:
    def owner(rows: FloatArray) -> FloatArray:
        said: FloatArray = model.predict_proba(rows / 16)
        return said

    def noise(rows: FloatArray) -> FloatArray:
        return np.random.default_rng(len(rows)).dirichlet(np.ones(10), len(rows))

    judge = row_judge(owner, DIGITS.held_out.rows, np.random.default_rng(1), uniform=50, transfers=False)
    attack = ART_ATTACKS["art-copycat"].make(knowledge_of(DIGITS.pool.rows, 10))
    (stolen,) = climb(attack, LocalVictim(owner), judge, ROWS, [150], 0)
    (nothing,) = climb(attack, LocalVictim(noise), judge, ROWS, [150], 0)
    assert stolen.queries == 150
    assert stolen.fidelity > 0.8 > 0.3 > nothing.fidelity
    assert judge.constant_fidelity() < 0.3


@pytest.mark.parametrize("name", ART_ATTACKS)
@pytest.mark.parametrize("allowance", [0, 1, 7, 10**9])
def test_each_stays_within_its_budget_and_survives_refusals(name: str, allowance: int) -> None:
    victim = Linear(allowance)
    loot = ART_ATTACKS[name].make(few()).run(victim, 12, np.random.default_rng(1))
    assert len(victim.asked) <= min(12, allowance)
    scores = loot.surrogate.scores(few().pool)
    assert scores.shape == (40, 2)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", ART_ATTACKS)
def test_each_asks_and_brings_home_the_same_with_the_same_seed_and_a_prefix_with_less(name: str) -> None:
    state = str(np.random.get_state())
    runs = []
    for budget in (12, 12, 6):
        victim = Linear()
        loot = ART_ATTACKS[name].make(few()).run(victim, budget, np.random.default_rng(1))
        runs.append((victim.asked, loot.surrogate.scores(few().pool).tolist()))
    assert runs[0] == runs[1]
    assert runs[0][0][: len(runs[2][0])] == runs[2][0]
    assert str(np.random.get_state()) == state, "ART's use of the global generator leaves no trace"


def test_adaptive_knockoff_works_from_labels_where_arts_sum_of_rewards_would_divide_by_zero() -> None:
    def labels(rows: FloatArray) -> FloatArray:
        return np.asarray(np.eye(2)[(rows.sum(axis=1) > 0).astype(int)])

    loot = ART_ATTACKS["art-knockoff-adaptive"].make(few()).run(LocalVictim(labels), 40, np.random.default_rng(0))
    copied = loot.surrogate.scores(few().pool).argmax(axis=1)
    assert np.mean(copied == labels(few().pool).argmax(axis=1)) > 0.8


def test_a_victim_can_be_handed_to_any_of_arts_attacks_and_answers_a_batch_row_by_row() -> None:
    rows = few().pool.astype(np.float32)
    wrapped = black_box(Linear(), 4, 2, budget=40)
    answers = wrapped.predict(rows)  # type: ignore[attr-defined]
    assert answers.shape == (40, 2)
    assert np.allclose(answers.sum(axis=1), 1), "not the bug of ClassLabels, which answers several classes at once"
