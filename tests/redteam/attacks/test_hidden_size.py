from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.redteam.attacks.hidden_size import HiddenSize
from moatkeeper.redteam.base import Loot, TokenSurrogate
from moatkeeper.redteam.knowledge import TokenKnowledge
from moatkeeper.redteam.token_api import BiasRule, TokenApi, TokenRules, ToyModel, random_contexts
from moatkeeper.redteam.token_copy import TokenTable
from moatkeeper.redteam.token_rank import outside, span_of
from tests.support.chats import SHAPE, language, open_base

VOCABULARY, HIDDEN = 400, 16


def steal(
    rules: TokenRules, budget: int = 80, contexts: int = 80, toy: ToyModel | None = None
) -> tuple[Loot[TokenSurrogate], TokenApi]:
    toy = toy if toy is not None else ToyModel(1, vocabulary=VOCABULARY, hidden=HIDDEN)
    vocabulary = len(toy.head)
    own = random_contexts(contexts, vocabulary, np.random.default_rng(2))
    shown = vocabulary if rules.shown is None else rules.shown
    api = TokenApi(toy.logits, rules)
    return HiddenSize(TokenKnowledge(vocabulary, own, shown)).run(api, budget, np.random.default_rng(0)), api


def test_the_hidden_size_is_found_from_more_contexts_than_it_and_not_from_fewer() -> None:
    assert steal(TokenRules(), budget=30)[0].findings["hidden_size"] == HIDDEN
    assert steal(TokenRules(), budget=HIDDEN)[0].findings["hidden_size"] == 0


def test_the_figures_of_the_reference_for_an_llm_head() -> None:
    """V=4000, h=128, 320 prompts: exact 9e13 and 2e-15; 3 decimals 3.6e3 and 1e-4; 0 decimals 3.6 and .114 (one seed)."""
    toy = ToyModel(1)
    for decimals, gap, share in [(None, 9e13, 2e-15), (3, 3.6e3, 1e-4), (0, 3.6, 0.114)]:
        loot, _ = steal(TokenRules(decimals=decimals), 320, 320, toy)
        assert loot.findings["hidden_size"] == 128
        assert loot.findings["gap"] == pytest.approx(gap, rel=0.5)
        assert isinstance(loot.surrogate, TokenTable)
        assert loot.surrogate.basis is not None
        assert outside(toy.head, loot.surrogate.basis) == pytest.approx(share, rel=0.5)


def test_heavy_noise_hides_the_span_and_asking_again_brings_it_back_unless_the_noise_sticks() -> None:
    shares = {}
    for name, sticky, budget in (("once", False, 80), ("again", False, 80 * 32), ("sticky", True, 80 * 32)):
        loot, _ = steal(TokenRules(noise=1.0, sticky=sticky), budget)
        assert isinstance(loot.surrogate, TokenTable)
        vectors = np.array(list(loot.surrogate.known.values()))
        shares[name] = outside(ToyModel(1, vocabulary=VOCABULARY, hidden=HIDDEN).head, span_of(vectors, HIDDEN))
    assert shares["again"] < shares["once"] / 3
    assert shares["sticky"] == pytest.approx(shares["once"], rel=0.2)


def test_where_answers_do_not_change_nothing_is_asked_again_but_to_see_that() -> None:
    _, api = steal(TokenRules(), budget=5_000)
    assert api.spent.requests <= 80 + 64


def test_a_bias_that_shows_gives_it_away_through_five_log_probabilities_for_far_fewer_calls_than_whole_vectors_take() -> None:
    loot, api = steal(TokenRules(shown=5), budget=50_000)
    assert loot.findings["hidden_size"] == HIDDEN
    assert api.spent.requests < 1_000 < HIDDEN * VOCABULARY / 4


@pytest.mark.parametrize("rule", [BiasRule.SAMPLED, BiasRule.IGNORED])
def test_five_log_probabilities_without_a_bias_that_shows_hide_it(rule: BiasRule) -> None:
    loot, _ = steal(TokenRules(shown=5, bias=rule), budget=50_000)
    assert loot.findings["hidden_size"] == 0


@pytest.mark.parametrize("shown", [0, 1])
def test_a_chosen_token_alone_shows_nothing(shown: int) -> None:
    loot, _ = steal(TokenRules(shown=shown, bias=BiasRule.IGNORED), budget=1_000)
    assert loot.findings["hidden_size"] == 0


def test_a_model_without_a_bottleneck_has_no_hidden_size_to_find() -> None:
    loot, _ = steal(TokenRules(), toy=ToyModel(1, vocabulary=200, hidden=200))
    assert loot.findings["hidden_size"] == 0
    assert loot.findings["gap"] < 1.5


@pytest.mark.parametrize(("shown", "budget"), [(None, 300), (5, 5_000)])
def test_a_trained_transformer_gives_its_width_away_whole_or_through_five_log_probabilities(
    shown: int | None, budget: int
) -> None:
    model = open_base()
    messages = language().messages(300, np.random.default_rng(1))
    own = list(dict.fromkeys(model.tokens(f"summarise {message.text}")[: 2 + n % 7] for n, message in enumerate(messages)))
    knowledge = TokenKnowledge(model.vocabulary, own, model.vocabulary if shown is None else shown)
    for rule, found in ((BiasRule.SHOWN, SHAPE.width), (BiasRule.SAMPLED, SHAPE.width if shown is None else 0)):
        api = TokenApi(model.logits, TokenRules(shown=shown, bias=rule))
        loot = HiddenSize(knowledge).run(api, budget, np.random.default_rng(0))
        assert loot.findings["hidden_size"] == found
        assert api.spent.requests < 1_500
