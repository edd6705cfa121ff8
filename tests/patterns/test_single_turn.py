"""Single turns: who never goes on stands out where customers converse, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.patterns.single_turn import SingleTurn
from tests.support.readings import explained, learned, readings
from tests.support.talk import honest_accounts, talk


def turns(rng: np.random.Generator, accounts: int, going_on: float) -> list[list[int]]:
    """25 questions each: a share of them go on with a conversation."""
    return [[int(2 + rng.integers(4)) if rng.random() < going_on else 1 for _ in range(25)] for _ in range(accounts)]


def test_a_harvest_stands_out_among_conversations() -> None:
    rng = np.random.default_rng(1)
    profile = learned(SingleTurn(), talk(honest_accounts(1), turns=turns(rng, 24, 0.6)))
    fresh = turns(rng, 60, 0.6)
    found = readings(profile, talk(honest_accounts(2, 61), turns=[[1] * 25, *fresh]))
    assert found[0] > found[1:].max()
    assert "25 of 25 questions" in explained(profile, talk(honest_accounts(2, 1), turns=[[1] * 25]))


def test_among_integrations_it_says_little() -> None:
    rng = np.random.default_rng(2)
    profile = learned(SingleTurn(), talk(honest_accounts(1), turns=[*turns(rng, 12, 0.6), *[[1] * 25] * 12]))
    assert readings(profile, talk(honest_accounts(2, 1), turns=[[1] * 25]))[0] < 2


@pytest.mark.parametrize("told", [None, [[1] * 25] * 24, [[-1] * 25] * 24])
def test_without_conversations_it_has_no_say(told: list[list[int]] | None) -> None:
    with pytest.raises(ValueError, match="no say"):
        learned(SingleTurn(), talk(honest_accounts(1), turns=told))
