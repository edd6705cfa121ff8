from __future__ import annotations

import numpy as np
import pytest
import torch

from moatkeeper.redteam.text_asking import TextRecord
from moatkeeper.redteam.text_nets import Loss, distil, info_nce, squared_error
from tests.support.text_victims import DIMENSIONS, HELD_OUT, POOL, PUBLIC, embedder


def record(count: int) -> TextRecord:
    return TextRecord(tuple(POOL[:count]), embedder(1.5)(POOL[:count]))


def test_a_pair_that_belongs_together_costs_nothing_and_one_that_does_not_costs_much() -> None:
    vectors = torch.eye(4)
    assert float(info_nce(vectors, vectors)) < 0.01 < 1 < float(info_nce(vectors, vectors.roll(1, 0)))
    assert float(squared_error(vectors, vectors)) == 0.0
    assert float(squared_error(vectors, -vectors)) == 4.0


def test_the_contrastive_loss_does_not_see_lengths_and_the_squared_error_does() -> None:
    vectors = torch.eye(4)
    assert float(info_nce(vectors * 3, vectors)) == pytest.approx(float(info_nce(vectors, vectors)))
    assert float(squared_error(vectors * 3, vectors)) == 4.0


@pytest.mark.parametrize("loss", [squared_error, info_nce])
def test_a_student_is_the_same_for_the_same_seed_whatever_chance_was_used_before(loss: Loss) -> None:
    torch.manual_seed(1)
    first = distil(record(80), PUBLIC, loss, 3).scores(HELD_OUT[:20])
    torch.manual_seed(2)
    threads = torch.get_num_threads()
    second = distil(record(80), PUBLIC, loss, 3).scores(HELD_OUT[:20])
    assert first.tolist() == second.tolist()
    assert torch.get_num_threads() == threads


def test_few_answers_leave_the_map_as_it_is() -> None:
    one, other = (distil(record(20), PUBLIC, loss, 3).scores(HELD_OUT[:5]) for loss in (squared_error, info_nce))
    assert one.shape == (5, DIMENSIONS)
    np.testing.assert_array_equal(one, other)
