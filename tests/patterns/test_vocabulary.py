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
    for paired in (False, True):
        vocabulary = Vocabulary.fit(Wording.of(old.texts), old.accounts, paired)
        honest = vocabulary.typicality(Wording.of(old.texts), own=1)
        fresh = vocabulary.typicality(Wording.of(new.texts), own=0)
        naive = vocabulary.typicality(Wording.of(old.texts), own=0)
        assert abs(np.mean(honest) - np.mean(fresh)) < 0.05
        assert np.mean(naive) > np.mean(fresh) + 0.05  # what the exclusion of one's own words is for


def test_pairs_have_an_order() -> None:
    batch = talk([["the cat sat"], ["the cat ran"], ["a dog sat"]])
    assert batch.texts is not None
    vocabulary = Vocabulary.fit(Wording.of(batch.texts), batch.accounts, paired=True)
    right, wrong, none = vocabulary.typicality(Wording.of(("the cat", "cat the", "cat")), own=0)
    assert right == np.log(2.5 / 4)
    assert wrong == np.log(0.5 / 4)
    assert np.isnan(none)
