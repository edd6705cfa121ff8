from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.random_words import RandomWords
from moatkeeper.redteam.text_features import words_of
from tests.support.text_victims import (
    FOREIGN,
    POOL,
    Api,
    by_chance,
    campaign,
    classifier,
    decisions,
    guess,
    knowledge,
)
from tests.support.texts import words_in

WORDS = words_in(POOL)


def test_nonsense_of_the_right_words_copies_a_classifier() -> None:
    few, many = campaign(RandomWords(knowledge(words=WORDS)), classifier(), [20, 200])
    assert many > 0.9
    assert many > few > guess(classifier())


def test_decisions_on_nonsense_teach_less_than_scores() -> None:
    (scores,) = campaign(RandomWords(knowledge(words=WORDS)), classifier(), [300])
    (labels,) = campaign(RandomWords(knowledge(words=WORDS)), classifier(), [300], decisions)
    assert scores > labels > guess(classifier())


def test_answers_by_chance_teach_nothing() -> None:
    (score,) = campaign(RandomWords(knowledge(words=WORDS)), classifier(), [400], by_chance)
    assert score < guess(classifier()) + 0.03


def test_words_that_the_victim_does_not_know_teach_nothing() -> None:
    strange = sorted(set(words_in(FOREIGN)) - set(WORDS))
    (score,) = campaign(RandomWords(knowledge(words=strange)), classifier(), [300])
    assert score < guess(classifier()) + 0.1


def test_queries_have_the_lengths_of_foreign_texts_and_words_of_the_vocabulary() -> None:
    asked: list[str] = []

    def noting(texts: Sequence[str]) -> FloatArray:
        asked.extend(texts)
        return classifier()(texts)

    thief = RandomWords(knowledge(words=["one", "two"], foreign=["a b c", "d e f g h"]))
    thief.run(Api(noting), 50, np.random.default_rng(0))
    assert {len(text.split()) for text in asked} == {3, 5}
    assert {word for text in asked for word in words_of(text)} == {"one", "two"}
