from __future__ import annotations

from dataclasses import replace

import pytest

from moatkeeper.errors import UsageError
from moatkeeper.redteam.armament import armed, informed
from tests.support.campaigns import guard, scene, thief

KNOWLEDGE = scene().knowledge


def test_a_thief_who_knows_that_answers_are_rounded_undoes_it_and_else_does_not_bother() -> None:
    knowing = replace(thief(), tactics=("midpoint",))
    assert armed(knowing, KNOWLEDGE, guard()).name == "equations+midpoint"
    assert armed(knowing, KNOWLEDGE, guard(decimals=None)).name == "equations"
    assert armed(knowing, KNOWLEDGE, None).name == "equations"


def test_tactics_are_worn_in_their_order() -> None:
    dressed = replace(thief(), tactics=("repeat", "labels"))
    assert armed(dressed, KNOWLEDGE, None).name == "equations+repeat+labels"


@pytest.mark.parametrize("wrong", [thief(attack="nonsense"), replace(thief(), tactics=("nonsense",))])
def test_unknown_names_are_refused_with_those_that_are_known(wrong: object) -> None:
    with pytest.raises(UsageError, match=r"'nonsense' is not known; expected one of .*(retrain|repeat)"):
        armed(wrong, KNOWLEDGE, None)  # type: ignore[arg-type]


def test_a_crew_is_told_the_limits_that_its_tier_meets() -> None:
    assert informed(thief(), None).limits == ()
    assert [limit.amount for limit in informed(thief(), guard(7.0)).limits] == [7.0]
    assert [limit.amount for limit in informed(thief(tier="unheard-of"), guard(7.0)).limits] == [7.0]
