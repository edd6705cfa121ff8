"""All tests for rings together, on a small simulated service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.rings import look_for_rings
from moatkeeper.patterns.rings_report import Budget
from tests.support.ring_world import calibration, honest, window, with_ring

GENEROUS = Budget(ratio=0.01)
"""A small history cannot show p-values of one in two thousand."""


@pytest.mark.parametrize("seed", range(4))
def test_an_honest_week_holds_no_ring_and_nobody_is_on_a_list(seed: int) -> None:
    report = look_for_rings(calibration(), window(honest(seed), seed))
    assert not report.ring
    assert report.silent == report.named == ()


@pytest.mark.parametrize("seed", range(2))
def test_a_ring_that_mimics_honest_customers_is_not_found(seed: int) -> None:
    report = look_for_rings(calibration(), window(with_ring("mimic", 200, 4, seed), seed), budget=GENEROUS)
    assert not report.ring
    assert report.named == ()


@pytest.mark.parametrize("kind", ["active"])
def test_a_ring_of_accounts_with_four_requests_each_is_noticed(kind: str) -> None:
    report = look_for_rings(calibration(), window(with_ring(kind, 400, 4, 3), 3))
    assert report.ring
    assert report.signs[0].share > 0.05
    assert "standard deviations" in report.signs[0].words


def test_without_a_history_nothing_is_said() -> None:
    with pytest.raises(CalibrationError, match="history"):
        look_for_rings(replace(calibration(), history=None), window(honest(0), 0))
