"""What every attack on images keeps to: it steals from a real victim, and from one that gives nothing away it gains nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.errors import UsageError
from moatkeeper.redteam.attacks.data_free import DataFree
from moatkeeper.redteam.cards import Modality
from moatkeeper.redteam.catalogue_images import IMAGES
from moatkeeper.redteam.registry import ROW_ATTACKS
from tests.support.digits import Dice, Reader, fidelity, judge, knowledge

BUDGET = {DataFree.name: 600}
"""Questions that suffice, where it is more than 120."""
NAMES = [card.name for card in IMAGES]
CLEAR = 0.3
"""Far above the constant: no seed comes near it by luck."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("labels_only", [False, True], ids=["scores", "labels"])
def test_a_real_victim_is_copied_far_beyond_the_constant(name: str, labels_only: bool) -> None:
    attack = ROW_ATTACKS[name].make(knowledge())
    reached = fidelity(attack, BUDGET.get(name, 120), Reader(labels_only=labels_only))
    assert reached > judge().constant_fidelity() + CLEAR


@pytest.mark.parametrize("name", NAMES)
def test_random_answers_gain_nothing(name: str) -> None:
    reached = fidelity(ROW_ATTACKS[name].make(knowledge()), BUDGET.get(name, 120), Dice())
    assert reached < judge().constant_fidelity() + 0.1


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_does_not_classify_is_refused_in_words(name: str) -> None:
    with pytest.raises(UsageError, match="copies classifiers"):
        ROW_ATTACKS[name].make(replace(knowledge(), outputs=1, regression=True))


@pytest.mark.parametrize("name", [name for name in NAMES if name != DataFree.name])
def test_a_thief_without_any_images_is_told_so(name: str) -> None:
    with pytest.raises(UsageError, match="needs images"):
        ROW_ATTACKS[name].make(knowledge(own=np.empty((0, 64))))


@pytest.mark.parametrize("name", NAMES)
def test_a_thief_with_foreign_images_only_can_steal_too(name: str) -> None:
    """Digits in the place of foreign images: whichever source has rows is used."""
    attack = ROW_ATTACKS[name].make(knowledge(own=np.empty((0, 64)), foreign=knowledge().pool))
    assert fidelity(attack, BUDGET.get(name, 60)) > judge().constant_fidelity() + CLEAR


def test_all_are_listed_as_attacks_on_images() -> None:
    assert {card.modality for card in IMAGES} == {Modality.IMAGE}
