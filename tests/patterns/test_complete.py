"""Rows with gaps: only gaps that honest rows have are overlooked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from moatkeeper.patterns.complete import complete, ordinary_gaps
from moatkeeper.patterns.encoder import Encoder
from tests.support.honest import honest_batch


def test_rows_with_an_unusual_gap_are_not_complete() -> None:
    honest = honest_batch(40, 10, seed=1)
    assert honest.inputs is not None
    inputs = honest.inputs.copy()
    inputs[::4, 2] = np.nan  # customers leave the third column out in every fourth row
    honest = replace(honest, inputs=inputs)
    encoder = Encoder.fit(honest)
    gaps = ordinary_gaps(encoder.rows(honest))
    assert gaps.tolist() == [False, False, True, False, False, False]
    assert complete(encoder.rows(honest), gaps).all()
    broken = inputs.copy()
    broken[0, 0], broken[1, 5], broken[2, 3], broken[3, 2] = np.nan, np.inf, 1e9, 1e9
    found = complete(encoder.rows(replace(honest, inputs=broken)), gaps)
    assert np.flatnonzero(~found).tolist() == [0, 1, 2]
