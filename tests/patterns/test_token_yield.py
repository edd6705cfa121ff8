"""Token yield: always the longest answers stand out; unknown lengths say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.patterns.token_yield import TokenYield
from tests.support.readings import explained, learned, readings
from tests.support.talk import honest_accounts, talk


def lengths(rng: np.random.Generator, accounts: int) -> list[list[int]]:
    """Answers to 25 questions; some customers want longer ones than others."""
    return [np.rint(rng.lognormal(rng.normal(4, 0.5), 0.6, 25)).astype(int).tolist() for _ in range(accounts)]


def test_always_the_longest_answers_stand_out() -> None:
    rng = np.random.default_rng(1)
    profile = learned(TokenYield(), talk(honest_accounts(1), tokens=lengths(rng, 24)))
    found = readings(profile, talk(honest_accounts(2, 61), tokens=[[2_048] * 25, *lengths(rng, 60)]))
    assert found[0] > found[1:].max()
    assert "25 of 25 rows have answers as long" in explained(profile, talk(honest_accounts(2, 1), tokens=[[2_048] * 25]))


def test_unknown_lengths_say_nothing() -> None:
    rng = np.random.default_rng(1)
    profile = learned(TokenYield(), talk(honest_accounts(1), tokens=lengths(rng, 24)))
    assert np.isnan(readings(profile, talk(honest_accounts(2, 1), tokens=[[-1] * 25])))
    assert np.isnan(readings(profile, talk(honest_accounts(2, 1))))
    with pytest.raises(ValueError, match="no say"):
        learned(TokenYield(), talk(honest_accounts(1), tokens=[[5] * 25] * 24))
