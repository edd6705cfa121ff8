"""Word salad: the customers' own words in another order stand out, and only in texts that have an order."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.out_of_place import OutOfPlace
from moatkeeper.patterns.word_salad import LEAST_WORDS, WordSalad
from tests.support.readings import explained, learned, readings
from tests.support.talk import honest_accounts, talk


def test_shuffled_texts_stand_out_though_every_word_is_known() -> None:
    rng = np.random.default_rng(6)
    salad = [" ".join(rng.permutation(text.split())) for text in honest_accounts(7, 1)[0]]
    known = talk(honest_accounts(1, 40))
    fresh = talk([salad, *honest_accounts(2, 100)])
    found = readings(learned(WordSalad(), known), fresh)
    assert found[0] > found[1:].max()
    words = readings(learned(OutOfPlace(), known), fresh)
    assert words[0] <= words[1:].max()  # by its words alone it is as good as another
    assert "in an order" in explained(learned(WordSalad(), known), talk([salad]))


def test_texts_of_a_few_words_have_no_order() -> None:
    profile = learned(WordSalad(), talk(honest_accounts(1)))
    short = " ".join(["card"] * (LEAST_WORDS - 1))
    assert np.isnan(readings(profile, talk([[short, ""]]))).all()
