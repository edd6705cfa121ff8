from __future__ import annotations

import numpy as np

from moatkeeper.redteam.knowledge import knowledge_of


def test_rows_tell_their_ranges_and_which_columns_are_whole() -> None:
    known = knowledge_of(np.array([[1.0, 0.5], [3.0, -1.0]]), 2)
    assert (known.columns, known.outputs, known.foreign.shape) == (2, 2, (0, 2))
    assert (known.lowest.tolist(), known.highest.tolist(), known.whole.tolist()) == ([1, -1], [3, 0.5], [True, False])
