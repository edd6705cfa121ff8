from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from moatkeeper.redteam.base import NextToken, Prefix
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import TokenKnowledge
from moatkeeper.redteam.token_api import BiasRule, TokenApi, TokenRules, ToyModel, log_softmax
from moatkeeper.redteam.token_probe import Lifter, Purse, vector_of

VOCABULARY = 60
CONTEXT = (3, 1, 4)
TOY = ToyModel(5, vocabulary=VOCABULARY, hidden=5)
TRUTH = log_softmax(TOY.logits([CONTEXT]))[0]


class Generous:
    """Answers at most ``allowance`` questions."""

    spent = Expenses()

    def __init__(self, allowance: int) -> None:
        self.allowance = allowance
        self.asked = 0

    def ask(self, questions: Sequence[Prefix]) -> Sequence[NextToken]:
        answered = min(self.allowance, len(questions))
        self.allowance -= answered
        self.asked += len(questions)
        return [NextToken(0)] * answered


def lifted(shown: int, rule: BiasRule = BiasRule.SHOWN, budget: int = 10_000) -> tuple[Lifter, np.ndarray, TokenApi]:
    api = TokenApi(TOY.logits, TokenRules(shown=shown, bias=rule))
    lifter = Lifter(Purse(api, budget), TokenKnowledge(VOCABULARY, [CONTEXT], shown))
    (first,) = lifter.first([CONTEXT])
    return lifter, lifter.lift(CONTEXT, first, range(VOCABULARY)), api


def test_a_purse_spends_no_more_than_it_holds() -> None:
    victim = Generous(100)
    purse = Purse(victim, 5)
    assert [len(purse.ask([Prefix((0,))] * 3)) for _ in range(3)] == [3, 2, 0]
    assert (victim.asked, purse.answered, purse.left) == (5, 5, 0)


def test_after_a_refusal_a_purse_asks_no_more() -> None:
    victim = Generous(2)
    purse = Purse(victim, 50)
    assert len(purse.ask([Prefix((0,))] * 3)) == 2
    assert len(purse.ask([Prefix((0,))] * 3)) == 0
    assert victim.asked == 3


@pytest.mark.parametrize("shown", [1, 2, 5, 20])
def test_lifting_recovers_a_whole_distribution_exactly(shown: int) -> None:
    _, vector, api = lifted(shown)
    np.testing.assert_allclose(vector, TRUTH, atol=1e-6)
    if shown > 1:
        assert api.spent.requests == 1 + -(-(VOCABULARY - shown) // (shown - 1))


@pytest.mark.parametrize("rule", [BiasRule.SAMPLED, BiasRule.IGNORED])
@pytest.mark.parametrize("shown", [1, 5])
def test_an_api_that_hides_what_a_bias_does_defeats_lifting_and_is_noticed_cheaply(rule: BiasRule, shown: int) -> None:
    lifter, vector, api = lifted(shown, rule)
    assert lifter.blind
    assert np.isfinite(vector).sum() == shown
    assert api.spent.requests <= 8


def test_a_purse_that_runs_out_leaves_the_rest_unknown() -> None:
    _, vector, _ = lifted(5, budget=4)
    assert np.isfinite(vector).sum() == 5 + 3 * 4


def test_an_answer_becomes_a_vector_with_nan_for_what_it_does_not_show() -> None:
    vector = vector_of(NextToken(1, {1: -0.5, 3: -2.0}), 4)
    np.testing.assert_array_equal(np.isnan(vector), [True, False, True, False])
    assert vector[1] == -0.5
