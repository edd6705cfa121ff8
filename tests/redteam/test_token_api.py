from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import NextToken, Prefix
from moatkeeper.redteam.token_api import BiasRule, TokenApi, TokenRules, ToyModel, log_softmax, random_contexts

LOGITS = np.log([0.5, 0.25, 0.15, 0.1])


def four_tokens(contexts: Sequence[tuple[int, ...]]) -> FloatArray:
    return np.tile(LOGITS, (len(contexts), 1))


def ask(rules: TokenRules, bias: dict[int, float] | None = None) -> NextToken:
    return TokenApi(four_tokens, rules).ask([Prefix((0,), bias or {})])[0]


def test_the_likeliest_token_is_chosen_and_all_log_probabilities_are_shown() -> None:
    answer = ask(TokenRules())
    assert answer.token == 0
    assert [answer.log_probabilities[token] for token in range(4)] == pytest.approx(LOGITS.tolist())


def test_as_many_log_probabilities_are_shown_as_the_rules_say_the_largest_first() -> None:
    assert list(ask(TokenRules(shown=2)).log_probabilities) == [0, 1]
    assert ask(TokenRules(shown=0)).log_probabilities == {}


def test_a_bias_shows_or_moves_the_choice_only_or_does_nothing() -> None:
    bias = {3: 50.0}
    shown, sampled, ignored = (ask(TokenRules(shown=1, bias=rule), bias) for rule in BiasRule)
    assert (shown.token, list(shown.log_probabilities)) == (3, [3])
    assert (sampled.token, list(sampled.log_probabilities)) == (3, [0])
    assert (ignored.token, list(ignored.log_probabilities)) == (0, [0])


def test_a_bias_shifts_log_odds_by_itself() -> None:
    answer = ask(TokenRules(), {3: 1.5})
    plain = ask(TokenRules())
    gap = answer.log_probabilities[3] - answer.log_probabilities[0]
    assert gap == pytest.approx(plain.log_probabilities[3] - plain.log_probabilities[0] + 1.5)


def test_rounding_keeps_so_many_decimals_and_no_log_probability_exceeds_nought() -> None:
    values = ask(TokenRules(decimals=1)).log_probabilities
    assert values == pytest.approx({0: -0.7, 1: -1.4, 2: -1.9, 3: -2.3})
    assert max(ask(TokenRules(decimals=0), {0: 90.0}).log_probabilities.values()) <= 0.0


def test_fresh_noise_differs_at_each_asking_and_sticky_noise_does_not() -> None:
    fresh, sticky = (TokenApi(four_tokens, TokenRules(noise=1.0, sticky=sticky)) for sticky in (False, True))
    twice = [Prefix((0,)), Prefix((0,))]
    one, two = fresh.ask(twice)
    assert one != two
    one, two = sticky.ask(twice)
    assert one == two
    assert sticky.ask([Prefix((1,))])[0] != one


def test_requests_and_tokens_are_counted() -> None:
    api = TokenApi(four_tokens, TokenRules())
    api.ask([Prefix((1, 2, 3)), Prefix((1,))])
    assert (api.spent.requests, api.spent.tokens) == (2, 6)


def test_a_toy_model_has_the_rank_of_its_hidden_size_and_forgets_what_is_far() -> None:
    toy = ToyModel(0, vocabulary=50, hidden=6)
    contexts = random_contexts(30, 50, np.random.default_rng(0))
    assert np.linalg.matrix_rank(toy.logits(contexts)) == 6
    near, far = toy.logits([(1, 2, 3, 4), (1, 2, 3, 5), (9, 2, 3, 4)]), 0
    assert np.linalg.norm(near[0] - near[1]) > np.linalg.norm(near[0] - near[2]) > far


def test_log_softmax_by_hand() -> None:
    np.testing.assert_allclose(np.exp(log_softmax(np.log([[1.0, 3.0]]))), [[0.25, 0.75]])
