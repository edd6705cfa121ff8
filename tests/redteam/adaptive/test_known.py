from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.known import contract_of, least_output

SCORES = np.array([[0.614, 0.296, 0.09]])


@pytest.mark.parametrize(
    ("decimals", "top_k", "label_only", "expected"),
    [
        (1, 0, False, [0.6, 0.3, 0.1]),
        (2, 2, False, [0.61, 0.3, 0.0]),
        (-1, 0, False, [0.614, 0.296, 0.09]),
        (2, 0, True, [1.0, 0.0, 0.0]),
    ],
)
def test_the_products_own_policy_is_what_the_thief_computes(
    decimals: int, top_k: int, label_only: bool, expected: list[float]
) -> None:
    disguise = least_output(contract_of(decimals, top_k, label_only=label_only))
    assert disguise(SCORES)[0] == pytest.approx(expected)


def test_a_contract_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="at most 12 decimals"):
        contract_of(13, 0, label_only=False)
