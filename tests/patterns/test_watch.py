"""The watch: what the live engine finds is what calibration would have found in a log."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray, InputKind, Inputs
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.cases import CasesInMemory
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.watch import Watch
from tests.support.honest import batch_of, exchange, honest_batch, honest_rows, thief_rows

THIEF_ROWS = 100
FEW_IN_A_HUNDRED = 0.01


@cache
def calibration() -> Calibration:
    return Calibration.fit("model", honest_batch(1_000, 64, seed=1))


def told(watch: Watch, rows: FloatArray, sizes: list[int], cases: CasesInMemory | None = None) -> list[Finding]:
    """The findings about one account that sends its rows in requests of these sizes, looked at one by one."""
    cases = CasesInMemory() if cases is None else cases
    found: list[Finding] = []
    for number, part in enumerate(np.split(rows, np.cumsum(sizes)[:-1])):
        found += watch.look([exchange("one", part, at=float(number))], cases)
    return found


def test_a_thief_stands_out_and_a_customer_does_not() -> None:
    watch = Watch({"model": calibration()})
    thief = told(watch, thief_rows(np.random.default_rng(2), THIEF_ROWS), [THIEF_ROWS])
    customer = told(watch, honest_rows(np.random.default_rng(3), THIEF_ROWS), [THIEF_ROWS])
    assert [one.rows for one in thief] == [4, 8, 16, 32, 64]
    assert thief[-1].p_value <= FEW_IN_A_HUNDRED
    reasons = {one.reading.detector: one.reading.reason for one in thief[-1].signals}
    assert "decision boundary" in reasons["low-margin"]
    assert thief[-1].evidence > 5 * customer[-1].evidence


@pytest.mark.parametrize("sizes", [[100], [1] * 100, [3, 60, 37], [64, 36]])
def test_it_does_not_matter_how_rows_are_dealt_to_requests(sizes: list[int]) -> None:
    rows = thief_rows(np.random.default_rng(2), THIEF_ROWS)
    whole, cut = (told(Watch({"model": calibration()}), rows, one) for one in ([100], sizes))
    assert [(one.rows, one.p_value, one.evidence) for one in whole] == [(one.rows, one.p_value, one.evidence) for one in cut]


def test_live_readings_are_those_of_calibration() -> None:
    rows = [honest_rows(np.random.default_rng(4), 32), thief_rows(np.random.default_rng(5), 32)]
    log = replace(batch_of(rows, "account"), at=np.zeros(64))
    expected = {one.rows: one.readings for one in readings_at_checkpoints(calibration().profile, log)}
    cases, watch = CasesInMemory(), Watch({"model": calibration()})
    watch.look([exchange(f"account-{number}", one) for number, one in enumerate(rows)], cases)
    for number in range(len(rows)):
        case = cases.case("model", f"account-{number}")
        assert case is not None
        for look in case.looks:
            np.testing.assert_array_equal(look.readings, expected[look.rows][number])


def test_what_is_not_understood_changes_nothing() -> None:
    watch, cases = Watch({"model": calibration()}), CasesInMemory()
    good = exchange("one", honest_rows(np.random.default_rng(6), 8))
    opaque = replace(good, query=replace(good.query, inputs=Inputs(InputKind.OPAQUE, 8)))
    wide = exchange("one", np.ones((8, 6)))
    wider = replace(wide, query=replace(wide.query, inputs=Inputs(InputKind.NUMBERS, 8, np.ones((8, 9)))))
    words = replace(wide, query=replace(wide.query, inputs=Inputs(InputKind.NUMBERS, 1, [["a"]])))
    other = replace(good, query=replace(good.query, model="another"))
    assert watch.look([opaque, wider, words, other], cases) == ()
    assert len(cases) == 0


def test_missing_and_infinite_numbers_are_no_sign_of_theft() -> None:
    rows = honest_rows(np.random.default_rng(7), 64)
    rows[::3, 1], rows[1::5, 2], rows[::7, 0] = np.nan, np.inf, -np.inf
    broken = exchange("one", rows)
    found = Watch({"model": calibration()}).look([broken], CasesInMemory())
    assert found
    assert all(np.isfinite(one.p_value) and one.evidence < 20 for one in found)


def test_a_new_calibration_begins_the_sketches_anew_and_spends_no_weight_twice() -> None:
    rows = thief_rows(np.random.default_rng(2), THIEF_ROWS)
    cases = CasesInMemory()
    first = told(Watch({"model": calibration()}), rows, [THIEF_ROWS], cases)
    again = Watch({"model": Calibration.fit("model", honest_batch(1_000, 64, seed=8))})
    second = told(again, rows, [THIEF_ROWS], cases)
    assert [one.rows for one in second] == [one.rows for one in first]
    assert {one.evidence for one in second} == {first[-1].evidence}
    case = cases.case("model", "one")
    assert case is not None
    assert case.spent == pytest.approx(1)
    # What the older calibration's detectors read has no meaning beside the new one.
    assert [look.rows for look in case.looks] == [one.rows for one in second]


def test_evidence_is_the_mean_over_calibrated_models() -> None:
    rows = thief_rows(np.random.default_rng(2), THIEF_ROWS)
    alone = told(Watch({"model": calibration()}), rows, [THIEF_ROWS])[-1].evidence
    beside = told(Watch({"model": calibration(), "other": calibration()}), rows, [THIEF_ROWS])[-1].evidence
    assert beside == pytest.approx(alone / 2)


def test_names_that_callers_choose_neither_split_rows_nor_thin_evidence() -> None:
    rows = thief_rows(np.random.default_rng(2), THIEF_ROWS)
    one_name = told(Watch({"": calibration()}), rows, [THIEF_ROWS])
    watch, cases = Watch({"": calibration()}), CasesInMemory()
    found: list[Finding] = []
    for number, row in enumerate(rows):
        found += watch.look([exchange("one", row[None], name=f"name-{number}")], cases)
    assert [(one.rows, one.p_value, one.evidence) for one in found] == [
        (one.rows, one.p_value, one.evidence) for one in one_name
    ]
    assert found[-1].model == f"name-{found[-1].rows - 1}"
    # The negative control: a model with a calibration of its own is another case.
    watch.look([exchange("one", rows[:8], name="model")], cases)
    beside = Watch({"": calibration(), "model": calibration()})
    assert beside.look([exchange("one", rows[:8], name="model")], cases)[-1].rows == 8
