"""Out of place: another corpus and letters by chance stand out; customers with their own words do not."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.out_of_place import LEAST_ACCOUNTS, LENGTHS, OutOfPlace, length_groups
from moatkeeper.patterns.wording import Wording
from tests.support.readings import explained, learned, readings
from tests.support.talk import honest_accounts, talk

FOREIGN = (
    "senate",
    "elects",
    "minister",
    "after",
    "storm",
    "floods",
    "harbour",
    "and",
    "striker",
    "scores",
    "twice",
    "in",
    "northern",
    "derby",
)


def chance_letters(rng: np.random.Generator) -> str:
    """Fifty letters and spaces."""
    return "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz   "), size=50))


@pytest.fixture(scope="module")
def honest() -> FloatArray:
    """The readings of 100 customers that were not learned from."""
    return readings(learned(OutOfPlace(), talk(honest_accounts(1))), talk(honest_accounts(2, 100)))


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_another_corpus_and_chance_letters_stand_out(honest: FloatArray, share: float) -> None:
    rng = np.random.default_rng(4)
    plain = honest_accounts(3, 2)
    bad = round(share * 25)
    news = [" ".join(rng.choice(FOREIGN, size=8)) for _ in range(bad)] + plain[0][bad:]
    letters = [chance_letters(rng) for _ in range(bad)] + plain[1][bad:]
    found = readings(learned(OutOfPlace(), talk(honest_accounts(1))), talk([news, letters, *plain]))
    assert found[:2].min() > honest.max()
    assert found[2:].max() <= np.quantile(honest, 0.99)


def test_a_customer_with_a_product_name_of_his_own_is_no_stranger(honest: FloatArray) -> None:
    own = [f"{text} (zorbex)" for text in honest_accounts(5, 1)[0]]
    profile = learned(OutOfPlace(), talk([[f"{text} (brand{'x' * number})" for text in texts] for number, texts in
                                          enumerate(honest_accounts(1))]))  # fmt: skip
    assert readings(profile, talk([own]))[0] < 3


def test_a_monitor_with_one_strange_text_has_asked_one_thing(honest: FloatArray) -> None:
    profile = learned(OutOfPlace(), talk(honest_accounts(1)))
    strange = "zorbex quux frobnicate"
    once, often = readings(profile, talk([[strange], [strange] * 500]))
    assert often == pytest.approx(once, abs=0.02)
    assert readings(profile, talk([[f"{strange} {'x' * number}" for number in range(100)]]))[0] > honest.max()


def test_too_few_accounts_and_empty_texts_say_nothing() -> None:
    with pytest.raises(ValueError, match="no say"):
        learned(OutOfPlace(), talk(honest_accounts(1, LEAST_ACCOUNTS - 1, 60)))
    profile = learned(OutOfPlace(), talk(honest_accounts(1)))
    assert np.isnan(readings(profile, talk([["", "..."]]))).all()
    assert "0 of 0 rows" in explained(profile, talk([["", "..."]]))


def test_lengths_are_grouped_by_doublings() -> None:
    groups = length_groups(Wording.of(("", "a", "a b", "a b c", "a " * 5, "a " * 900)))
    assert groups.tolist() == [0, 0, 1, 2, 3, LENGTHS - 1]
