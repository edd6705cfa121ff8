from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.scene import remembering
from tests.support.campaigns import draw, model


def test_a_remembering_model_answers_as_before_and_is_asked_for_new_rows_only() -> None:
    asked: list[int] = []

    def counting(rows: FloatArray) -> FloatArray:
        asked.append(len(rows))
        return model(rows)

    known, new = draw(20, 0), draw(5, 1)
    remembered = remembering(counting, known[:12], known[12:])
    for rows in (known[3:9], known[[4, 4]], np.concatenate([known[:2], new]), new):
        assert remembered(rows).tolist() == model(rows).tolist()
    assert asked == [20, 7, 5]
