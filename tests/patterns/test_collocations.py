"""Collocations: neighbours that belong together know of each other, and an honest row is not read by itself."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.collocations import SMOOTHING, Collocations, honest_cohesion
from moatkeeper.patterns.wording import Wording
from tests.support.talk import honest_accounts, talk


def test_the_information_of_a_pair_is_that_of_the_formula() -> None:
    wording = Wording.of(("the cat", "the cat", "the dog", "a b c d"))
    learned = Collocations.fit(wording, np.ones(4, dtype=bool))
    told = learned.cohesion(Wording.of(("the cat", "cat the", "unknown words", "single", "")))
    expected = 3 * 2 / 10
    assert told[0] == np.log((2 + SMOOTHING) / (expected + SMOOTHING))
    assert told[1] == np.log(SMOOTHING / (expected + SMOOTHING))
    assert told[2] == 0
    assert np.isnan(told[3:]).all()


def test_honest_rows_are_as_cohesive_as_a_newcomers() -> None:
    old, new = talk(honest_accounts(3, 40)), talk(honest_accounts(4, 40))
    assert old.texts is not None
    assert new.texts is not None
    wording, every = Wording.of(old.texts), np.ones(len(old), dtype=bool)
    own = honest_cohesion(wording, old.accounts)
    fresh = Collocations.fit(wording, every).cohesion(Wording.of(new.texts))
    assert abs(np.mean(own) - np.mean(fresh)) < 0.05
    rng = np.random.default_rng(1)
    shuffled = tuple(" ".join(rng.permutation(text.split())) for text in new.texts)
    assert np.mean(Collocations.fit(wording, every).cohesion(Wording.of(shuffled))) < np.mean(fresh) - 0.5


def test_only_the_chosen_rows_are_learned_from() -> None:
    wording = Wording.of(("red house", "blue house"))
    learned = Collocations.fit(wording, np.array([True, False]))
    assert learned.total == 2
    told = learned.cohesion(wording)
    assert told[0] > told[1]
