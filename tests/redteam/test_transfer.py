from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.transfer import ROUNDS, STEP, transfer


class Sign:
    """Decides by the sign of a column."""

    def __init__(self, column: int = 0) -> None:
        self._column = column

    def scores(self, rows: FloatArray) -> FloatArray:
        positive = 1 / (1 + np.exp(-rows[:, self._column]))
        return np.column_stack([1 - positive, positive])


def test_no_example_moves_a_column_further_than_it_may() -> None:
    rows = np.random.default_rng(0).normal(size=(100, 2))
    seen: list[FloatArray] = []

    def owner(asked: FloatArray) -> FloatArray:
        seen.append(asked)
        return Sign().scores(asked)

    transfer(Sign(), owner, rows)
    original, crafted, random = seen
    reach = rows.std(axis=0) * STEP * ROUNDS
    for changed in (crafted, random):
        assert (np.abs(changed - original[: len(changed)]) <= reach + 1e-9).all()


def test_a_copy_that_is_wrong_everywhere_fools_nobody() -> None:
    class Opposite(Sign):
        def scores(self, rows: FloatArray) -> FloatArray:
            return super().scores(rows)[:, ::-1]

    rows = np.random.default_rng(0).normal(size=(50, 2))
    assert transfer(Opposite(), Sign().scores, rows) == {"transfer": 0.0, "transfer_random": 0.0}
