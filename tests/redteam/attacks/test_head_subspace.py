from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from moatkeeper.redteam.attacks.head_subspace import HeadSubspace, completed_in
from moatkeeper.redteam.base import Prefix
from moatkeeper.redteam.harness import climb
from moatkeeper.redteam.judges import TokenJudge
from moatkeeper.redteam.knowledge import TokenKnowledge
from moatkeeper.redteam.token_api import BiasRule, TokenApi, TokenRules, ToyModel, log_softmax, random_contexts
from moatkeeper.redteam.token_copy import RecoveryJudge
from moatkeeper.redteam.token_rank import span_of
from moatkeeper.redteam.trade import TOKENS

VOCABULARY, HIDDEN = 300, 12
TOY = ToyModel(1, vocabulary=VOCABULARY, hidden=HIDDEN)


def judge() -> RecoveryJudge:
    held = random_contexts(40, VOCABULARY, np.random.default_rng(77))
    return RecoveryJudge(TokenJudge([Prefix(context) for context in held], log_softmax(TOY.logits(held))), TOY.logits, TOY.head)


def figures(rules: TokenRules, budget: int, contexts: int = 60) -> Mapping[str, float]:
    own = random_contexts(contexts, VOCABULARY, np.random.default_rng(2))
    attack = HeadSubspace(TokenKnowledge(VOCABULARY, own, VOCABULARY if rules.shown is None else rules.shown))
    (score,) = climb(attack, TokenApi(TOY.logits, rules), judge(), TOKENS, [budget], seed=0)
    return {**score.figures, "queries": score.queries}


def test_whole_answers_give_the_span_of_the_head_exactly() -> None:
    got = figures(TokenRules(), 60)
    assert got["hidden_size"] == HIDDEN
    assert got["outside"] < 1e-12


def test_five_log_probabilities_and_a_bias_give_it_too_and_later_contexts_cost_a_few_calls() -> None:
    got = figures(TokenRules(shown=5), 10_000)
    assert got["outside"] < 1e-9
    assert got["recovered"] == 60
    assert got["completed"] >= 40
    assert got["recovered_error"] < 1e-6
    whole_price = 60 * VOCABULARY / 4
    assert got["queries"] < whole_price / 2


def test_without_a_bias_that_shows_nothing_of_the_head_is_recovered() -> None:
    got = figures(TokenRules(shown=5, bias=BiasRule.SAMPLED), 10_000)
    assert (got["outside"], got["completed"], got["hidden_size"]) == (1.0, 0.0, 0.0)


def test_too_few_contexts_recover_a_part_at_most() -> None:
    assert figures(TokenRules(), HIDDEN // 2)["outside"] > 0.5


def test_rounded_answers_recover_the_head_but_for_a_little() -> None:
    assert 1e-6 < figures(TokenRules(decimals=3), 60)["outside"] < 1e-2


@pytest.mark.parametrize(("known", "exact"), [(HIDDEN + 1, True), (HIDDEN - 1, False)])
def test_one_more_entry_than_dimensions_completes_a_distribution_and_fewer_do_not(known: int, exact: bool) -> None:
    contexts = random_contexts(30, VOCABULARY, np.random.default_rng(3))
    basis = span_of(log_softmax(TOY.logits(contexts)), HIDDEN)
    truth = log_softmax(TOY.logits([(1, 2, 3, 4)]))[0]
    part = np.where(np.arange(VOCABULARY) < known, truth, np.nan)
    error = float(np.abs(completed_in(basis, part) - truth).max())
    assert (error < 1e-6) is exact
