from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from moatkeeper.redteam.attacks.bisection import PRECISION, Bisection
from moatkeeper.redteam.base import Prefix
from moatkeeper.redteam.harness import climb
from moatkeeper.redteam.judges import TokenJudge
from moatkeeper.redteam.knowledge import TokenKnowledge
from moatkeeper.redteam.token_api import BiasRule, TokenApi, TokenRules, ToyModel, log_softmax, random_contexts
from moatkeeper.redteam.token_copy import RecoveryJudge, TokenTable
from moatkeeper.redteam.trade import TOKENS

VOCABULARY = 40
TOY = ToyModel(1, vocabulary=VOCABULARY, hidden=8)
RULES = TokenRules(shown=0)
OWN = random_contexts(200, VOCABULARY, np.random.default_rng(2))


def figures(rules: TokenRules, budget: int) -> Mapping[str, float]:
    held = random_contexts(60, VOCABULARY, np.random.default_rng(77))
    judge = RecoveryJudge(TokenJudge([Prefix(context) for context in held], log_softmax(TOY.logits(held))), TOY.logits)
    attack = Bisection(TokenKnowledge(VOCABULARY, OWN))
    (score,) = climb(attack, TokenApi(TOY.logits, rules), judge, TOKENS, [budget], seed=0)
    return score.figures


@pytest.mark.parametrize("rule", [BiasRule.SHOWN, BiasRule.SAMPLED])
def test_the_chosen_token_alone_gives_distributions_away_wherever_a_bias_moves_the_choice(rule: BiasRule) -> None:
    got = figures(TokenRules(shown=0, bias=rule), 2_000)
    assert got["whole"] >= 4
    attack = Bisection(TokenKnowledge(VOCABULARY, OWN[:3]))
    copy = attack.run(TokenApi(TOY.logits, TokenRules(shown=0, bias=rule)), 5_000, np.random.default_rng(0)).surrogate
    truth = log_softmax(TOY.logits(OWN[:3]))
    assert float(np.abs(copy.log_probabilities([Prefix(context) for context in OWN[:3]]) - truth).max()) < PRECISION


def test_hiding_log_probabilities_costs_ten_calls_a_token_instead_of_a_quarter() -> None:
    """Bisection from 100 nats to 0.05 takes 11 calls a token (openlogprobs); a good first guess saves some."""
    assert 5 < figures(RULES, 4_000)["calls_per_token"] < 11


def test_an_api_that_ignores_biases_shows_no_more_than_its_choices() -> None:
    got = figures(TokenRules(shown=0, bias=BiasRule.IGNORED), 2_000)
    assert got["whole"] == 0
    assert got["recovered_error"] > 1.0


def test_the_likeliest_tokens_are_found_before_the_others() -> None:
    attack = Bisection(TokenKnowledge(VOCABULARY, OWN[:1]))
    copy = attack.run(TokenApi(TOY.logits, RULES), 45, np.random.default_rng(0)).surrogate
    assert isinstance(copy, TokenTable)
    (found,) = copy.known.values()
    truth = log_softmax(TOY.logits(OWN[:1]))[0]
    assert np.argsort(-found)[:4].tolist() == np.argsort(-truth)[:4].tolist()


def test_a_thief_whom_nobody_answers_knows_nothing() -> None:
    copy = Bisection(TokenKnowledge(VOCABULARY, OWN)).run(TokenApi(TOY.logits, RULES), 0, np.random.default_rng(0))
    assert np.isnan(copy.surrogate.log_probabilities([Prefix((1,))])).all()
