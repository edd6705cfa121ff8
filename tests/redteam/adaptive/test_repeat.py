from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.jitter import Jitter
from moatkeeper.redteam.adaptive.repeat import Repeat, RepeatDoor, mean_of_groups
from moatkeeper.redteam.knowledge import knowledge_of
from moatkeeper.redteam.trade import ROWS
from tests.support.thieves import Behind, Defence, SoftLabels, distance, rows, truth

SIGMA = 0.2


def fresh(asked: FloatArray, scores: FloatArray) -> FloatArray:
    """New noise on every answer; nothing is cut off at 0, so that averages go to the truth."""
    return scores + SIGMA * CHANCE.standard_normal(scores.shape)


def keyed(asked: FloatArray, scores: FloatArray) -> FloatArray:
    """Noise that is a function of the question's exact bytes."""
    seeds = [int.from_bytes(blake2b(row.tobytes(), key=b"secret", digest_size=8).digest(), "big") for row in asked]
    return scores + SIGMA * np.array([np.random.default_rng(seed).standard_normal(scores.shape[1]) for seed in seeds])


CHANCE = np.random.default_rng(4)


def error(deployed: Defence, times: int) -> float:
    """The mean absolute error of what a repeating thief sees."""
    asked = rows(150, seed=2)
    door = RepeatDoor(Behind(deployed), ROWS, 10**6, times)
    return float(np.abs(door.ask(asked) - truth(asked)).mean())


def copied(deployed: Defence, tactic: Repeat[FloatArray] | None, budget: int) -> float:
    attack = SoftLabels(rows(400, seed=1))
    victim, rng = Behind(deployed), np.random.default_rng(0)
    loot = attack.run(victim, budget, rng) if tactic is None else tactic.run(attack, victim, budget, rng)
    assert victim.asked <= budget
    return distance(loot.surrogate)


def test_means_are_of_each_group_and_of_what_there_is_of_the_last() -> None:
    assert mean_of_groups(np.array([[1.0], [3.0], [5.0], [7.0], [9.0]]), 2).tolist() == [[2.0], [6.0], [9.0]]


def test_repeats_average_fresh_noise_away() -> None:
    assert error(fresh, 16) == pytest.approx(error(fresh, 1) / 4, rel=0.1)
    few = copied(fresh, None, 400)
    assert copied(fresh, Repeat(ROWS, 8), 3_200) < 0.9 * few


def test_repeats_gain_nothing_against_keyed_noise_and_cost_distinct_questions() -> None:
    assert error(keyed, 32) == pytest.approx(error(keyed, 1))
    assert copied(keyed, Repeat(ROWS, 8), 3_200) == pytest.approx(copied(keyed, None, 400))
    assert copied(keyed, Repeat(ROWS, 8), 400) > copied(keyed, None, 400)


def test_a_jittered_question_defeats_a_key_on_its_exact_bytes_where_a_repeated_one_does_not() -> None:
    attack = SoftLabels(rows(400, seed=1))
    jitter = Jitter(knowledge_of(rows(400, seed=1), 5), times=8, fraction=0.01)
    jittered = jitter.run(attack, Behind(keyed), 3_200, np.random.default_rng(0))
    assert distance(jittered.surrogate) < 0.9 * copied(keyed, Repeat(ROWS, 8), 3_200)


def test_a_question_is_asked_at_least_once() -> None:
    with pytest.raises(UsageError, match="at least once"):
        Repeat(ROWS, 0)
