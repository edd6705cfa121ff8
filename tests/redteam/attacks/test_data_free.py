from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.data_free import FIRST, DataFree, random_fields
from moatkeeper.redteam.attacks.pool_rounds import Bought, copy_of
from tests.support.digits import BRIGHTEST, Reader, fidelity, judge, knowledge


def nothing() -> FloatArray:
    return np.empty((0, 64))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 20), (5, 1, 1)])
def test_fields_have_the_shape_that_is_asked_for_and_stay_within_bounds(shape: tuple[int, ...]) -> None:
    fields = random_fields(50, shape, np.random.default_rng(0))
    assert fields.shape == (50, *shape)
    assert fields.min() > 0
    assert fields.max() < 1
    assert fields.std() > 0.1


def test_neighbouring_pixels_resemble_each_other_more_than_distant_ones() -> None:
    fields = random_fields(500, (1, 16, 16), np.random.default_rng(0))[:, 0]
    centred = fields - fields.mean(axis=0)
    near = (centred[:, :, 1:] * centred[:, :, :-1]).mean()
    far = (centred[:, :, 8:] * centred[:, :, :-8]).mean()
    assert near > 2 * abs(far)


def test_made_images_are_lawful_and_the_thief_needs_no_images() -> None:
    victim = Reader()
    DataFree(knowledge(own=nothing())).run(victim, 300, np.random.default_rng(0))
    asked = np.array(victim.asked)
    assert len(asked) == 300
    assert asked.min() >= 0
    assert asked.max() <= BRIGHTEST
    assert np.array_equal(asked, np.round(asked))


def test_a_model_is_copied_without_any_data_and_too_few_questions_do_not_copy_it() -> None:
    thief = DataFree(knowledge(own=nothing()))
    assert fidelity(thief, 1_500) > 0.75
    assert fidelity(thief, FIRST // 4) < 0.6


def test_choosing_among_random_images_beats_taking_the_first() -> None:
    """Two seeds each, 1,800 questions: 0.70 to 0.62 from labels, 0.82 to 0.75 from scores; of 900 the gain is 0.04 to 0.06."""
    reader, count = Reader(labels_only=True), 1_800
    chosen = fidelity(DataFree(knowledge(own=nothing())), count, reader)
    rows = np.round(BRIGHTEST * random_fields(count, (1, 8, 8), np.random.default_rng(7)).reshape(count, -1))
    plain = copy_of(knowledge(), Bought(rows, reader.ask(rows)), np.random.default_rng(0))
    assert chosen > judge().figures(plain, frozenset(), thorough=False)["fidelity"] + 0.03


def test_rows_that_are_no_images_are_drawn_as_plain_chance() -> None:
    thief = DataFree(replace(knowledge(own=nothing()), shape=()))
    assert fidelity(thief, 900) > judge().constant_fidelity() + 0.1
