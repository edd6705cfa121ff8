"""Too few accounts: an order, and no accusation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moatkeeper.errors import CalibrationError
from moatkeeper.hunt.ranking import ranked
from tests.support.honest import batch_of, honest_rows, thief_rows


def test_the_thief_among_a_dozen_customers_comes_early_and_is_not_accused() -> None:
    rng = np.random.default_rng(0)
    rows = [honest_rows(rng, 40) for _ in range(12)]
    rows.insert(5, thief_rows(rng, 40))
    found = ranked("m", batch_of(rows), 5)
    assert "honest-5" in [finding.account for finding in found[:3]]
    assert len(found) == 5
    assert all(finding.ranks_only and finding.evidence == 0 and math.isnan(finding.p_value) for finding in found)


def test_too_few_rows_to_learn_from_are_refused() -> None:
    with pytest.raises(CalibrationError, match="honest rows"):
        ranked("m", batch_of([honest_rows(np.random.default_rng(0), 10)]), 5)
