from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from moatkeeper.redteam.attacks.logit_bias import LogitBias
from moatkeeper.redteam.base import Prefix
from moatkeeper.redteam.harness import baseline, climb
from moatkeeper.redteam.judges import TokenJudge
from moatkeeper.redteam.knowledge import TokenKnowledge
from moatkeeper.redteam.token_api import BiasRule, TokenApi, TokenRules, ToyModel, log_softmax, random_contexts
from moatkeeper.redteam.token_copy import RecoveryJudge, table_of
from moatkeeper.redteam.trade import TOKENS

VOCABULARY = 40
TOY = ToyModel(1, vocabulary=VOCABULARY, hidden=8)


def judge() -> RecoveryJudge:
    held = random_contexts(80, VOCABULARY, np.random.default_rng(77))
    return RecoveryJudge(TokenJudge([Prefix(context) for context in held], log_softmax(TOY.logits(held))), TOY.logits)


def figures(rules: TokenRules, budget: int) -> Mapping[str, float]:
    own = random_contexts(400, VOCABULARY, np.random.default_rng(2))
    attack = LogitBias(TokenKnowledge(VOCABULARY, own, rules.shown or 0))
    (score,) = climb(attack, TokenApi(TOY.logits, rules), judge(), TOKENS, [budget], seed=0)
    return {**score.figures, "queries": score.queries}


def test_a_context_costs_the_vocabulary_over_what_is_shown_less_one() -> None:
    """The published price: N V / (k - 1) calls, Carlini et al. 2024, section 5; here less what the plain answer shows."""
    shown, contexts = 5, 10
    got = figures(TokenRules(shown=shown), contexts * (1 + -(-(VOCABULARY - shown) // (shown - 1))))
    assert got["whole"] == contexts
    assert got["recovered_error"] < 1e-9


def test_the_table_predicts_contexts_that_were_never_asked_better_than_nothing_does() -> None:
    nothing = baseline(judge(), table_of(VOCABULARY, {}))
    got = figures(TokenRules(shown=5), 4_000)
    assert nothing.fidelity == 0.0
    assert got["fidelity"] > 5 / VOCABULARY
    assert got["total_variation"] < 0.75 < nothing.figures["total_variation"] == 1.0


@pytest.mark.parametrize("rule", [BiasRule.SAMPLED, BiasRule.IGNORED])
def test_an_api_that_hides_what_a_bias_does_keeps_all_but_what_it_shows(rule: BiasRule) -> None:
    got = figures(TokenRules(shown=5, bias=rule), 500)
    assert got["whole"] == 0
    assert got["seen"] == pytest.approx(5 / VOCABULARY)
    assert got["recovered_error"] > 0.1


def test_rounded_log_probabilities_are_recovered_as_rounded() -> None:
    error = figures(TokenRules(shown=5, decimals=1), 500)["recovered_error"]
    assert 0.01 < error < 0.2


def test_where_no_log_probability_is_shown_there_is_nothing_to_lift() -> None:
    assert figures(TokenRules(shown=0), 50)["recovered"] == 0
