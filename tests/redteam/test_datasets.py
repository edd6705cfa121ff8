from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.errors import UsageError
from moatkeeper.redteam.datasets import NAMES, builtin


@pytest.mark.parametrize("name", NAMES)
def test_victim_thief_and_judge_share_no_row_of_the_file(name: str) -> None:
    parts = builtin(name)
    sizes = [len(part.rows) for part in (parts.training, parts.pool, parts.held_out)]
    assert max(sizes) - min(sizes) <= 1
    again = builtin(name)
    assert np.array_equal(parts.pool.rows, again.pool.rows)
    assert all(len(part.rows) == len(part.outcomes) for part in (parts.training, parts.pool, parts.held_out))


def test_the_parts_of_the_digits_are_those_of_one_permutation() -> None:
    from sklearn.datasets import load_digits

    parts = builtin("digits")
    together = np.vstack([parts.training.rows, parts.pool.rows, parts.held_out.rows])
    assert sorted(map(tuple, together)) == sorted(map(tuple, load_digits().data))


def test_unknown_rows_are_refused_and_the_known_named() -> None:
    with pytest.raises(UsageError) as caught:
        builtin("mnist")
    assert "digits" in caught.value.hint
