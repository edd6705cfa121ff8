"""Laws that every registered attack on models of texts keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.cards import Modality
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import TextKnowledge
from moatkeeper.redteam.registry import TEXT_ATTACKS
from moatkeeper.redteam.text_features import hashed_encoder
from moatkeeper.redteam.text_regression import softmax
from tests.support.texts import foreign_texts, intent_texts, words_in

OUTPUTS = 4
POOL = intent_texts(150, seed=1)
FOREIGN = foreign_texts()[:150]
FRESH = intent_texts(30, seed=2)


class Api:
    """A classifier, an encoder or a teller of decisions, which notes what it is asked and answers at most ``allowance``."""

    def __init__(self, modality: Modality, allowance: int = 10**9, *, labels_only: bool = False) -> None:
        self.asked: list[str] = []
        self._allowance = allowance
        self._refused = 0
        self._labels_only = labels_only
        self._modality = modality
        self._encode = hashed_encoder(OUTPUTS, salt=9)

    @property
    def spent(self) -> Expenses:
        return Expenses(requests=len(self.asked), refused=self._refused)

    def ask(self, texts: Sequence[str]) -> FloatArray:
        answered = texts[: self._allowance]
        self._allowance -= len(answered)
        self._refused += len(answered) < len(texts)
        self.asked.extend(answered)
        vectors = self._encode(answered)
        if self._labels_only:
            return cast(FloatArray, np.eye(OUTPUTS)[vectors.argmax(axis=1)])
        return vectors if self._modality is Modality.EMBEDDING else softmax(4 * vectors)


def knowledge(pool: Sequence[str] = POOL) -> TextKnowledge:
    return TextKnowledge(OUTPUTS, pool, FOREIGN, words_in([*POOL, *FOREIGN]), hashed_encoder(16))


def scores(name: str, api: Api, budget: int) -> FloatArray:
    loot = TEXT_ATTACKS[name].make(knowledge()).run(api, budget, np.random.default_rng(1))
    assert all(np.isfinite(value) for value in loot.findings.values())
    return loot.surrogate.scores(FRESH)


def api(name: str, allowance: int = 10**9, *, labels_only: bool = False) -> Api:
    return Api(TEXT_ATTACKS[name].modality, allowance, labels_only=labels_only)


@pytest.mark.parametrize("name", TEXT_ATTACKS)
def test_an_attack_is_registered_under_its_own_name(name: str) -> None:
    assert TEXT_ATTACKS[name].make(knowledge()).name == name


@pytest.mark.parametrize("name", TEXT_ATTACKS)
@pytest.mark.parametrize("budget", [1, 2, 5, 60, 300])
def test_an_attack_stays_within_its_budget_and_gives_finite_scores(name: str, budget: int) -> None:
    victim = api(name)
    found = scores(name, victim, budget)
    assert 0 < len(victim.asked) <= budget
    assert found.shape == (len(FRESH), OUTPUTS)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", TEXT_ATTACKS)
@pytest.mark.parametrize("budget", [1, 5, 60])
def test_decisions_alone_are_enough_for_a_copy_with_finite_scores(name: str, budget: int) -> None:
    found = scores(name, api(name, labels_only=True), budget)
    assert found.shape == (len(FRESH), OUTPUTS)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", TEXT_ATTACKS)
def test_an_attack_with_the_same_seed_asks_the_same_and_brings_home_the_same(name: str) -> None:
    first, second = api(name), api(name)
    assert scores(name, first, 70).tolist() == scores(name, second, 70).tolist()
    assert first.asked == second.asked


@pytest.mark.parametrize("name", TEXT_ATTACKS)
@pytest.mark.parametrize("allowance", [0, 1, 2, 7, 65])
def test_an_attack_survives_refusals_with_a_copy_of_what_it_got(name: str, allowance: int) -> None:
    found = scores(name, api(name, allowance), 100)
    assert found.shape == (len(FRESH), OUTPUTS)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", TEXT_ATTACKS)
@pytest.mark.parametrize("smaller", [1, 10, 97, 200])
def test_the_texts_of_a_smaller_budget_begin_those_of_a_larger(name: str, smaller: int) -> None:
    small, large = api(name), api(name)
    scores(name, small, smaller)
    scores(name, large, 250)
    assert large.asked[: len(small.asked)] == small.asked


@pytest.mark.parametrize("name", TEXT_ATTACKS)
def test_a_thief_without_any_text_asks_nothing_and_still_hands_over_a_copy(name: str) -> None:
    victim = api(name)
    loot = TEXT_ATTACKS[name].make(TextKnowledge(OUTPUTS)).run(victim, 10, np.random.default_rng(1))
    assert victim.asked == []
    assert np.isfinite(loot.surrogate.scores(FRESH)).all()
