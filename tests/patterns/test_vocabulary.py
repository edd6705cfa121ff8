"""Vocabulary: a newcomer's words are judged as an old customer's words are, by what the others say."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.vocabulary import Vocabulary
from moatkeeper.patterns.wording import Wording
from tests.support.talk import honest_accounts, talk

CUSTOMERS = 40


def test_old_customers_are_no_more_typical_than_newcomers() -> None:
    names = [
        "name" + chr(ord("a") + number % 26) * (1 + number // 26) for number in range(2 * CUSTOMERS)
    ]  # every customer has a word of his own
    accounts = [
        [f"{text} {name}" for text in texts] for name, texts in zip(names, honest_accounts(3, 2 * CUSTOMERS), strict=True)
    ]
    old, new = talk(accounts[:CUSTOMERS]), talk(accounts[CUSTOMERS:])
    assert old.texts is not None
    assert new.texts is not None
    vocabulary = Vocabulary.fit(Wording.of(old.texts), old.accounts)
    honest = vocabulary.typicality(Wording.of(old.texts), own=1)
    fresh = vocabulary.typicality(Wording.of(new.texts), own=0)
    naive = vocabulary.typicality(Wording.of(old.texts), own=0)
    assert abs(np.mean(honest) - np.mean(fresh)) < 0.01
    assert np.mean(naive) > np.mean(fresh) + 0.05  # what the exclusion of one's own words is for


def test_common_words_are_alike_and_unknown_ones_are_not() -> None:
    batch = talk([["the cat sat"], ["the cat ran"], ["a dog sat on the mat"]])
    assert batch.texts is not None
    vocabulary = Vocabulary.fit(Wording.of(batch.texts), batch.accounts)
    common, once, never, half, none = vocabulary.typicality(Wording.of(("the cat", "dog", "cow", "the cow", "")), own=0)
    assert common == 0
    assert once == np.log(1.5 / 2.5)
    assert never == np.log(0.5 / 2.5)
    assert half == never / 2
    assert np.isnan(none)
