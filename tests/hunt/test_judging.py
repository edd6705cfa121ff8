"""Accounts judged while their readings pass by: as the live watch judges them."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.hunt.judging import Judge, explained
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.cases import CasesInMemory
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.intake import batches
from moatkeeper.patterns.watch import Watch
from tests.support.honest import CENTRES, batch_of, exchange, honest_batch, honest_rows, thief_rows


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    """Of four hundred customers."""
    return Calibration.fit("credit", honest_batch(400, 16, 1))


def searched(rng: np.random.Generator) -> FloatArray:
    """Sixteen rows beside the boundary; a search between two kinds of cases may find fewer."""
    rows = np.empty((0, len(CENTRES[0])))
    while len(rows) < 16:
        rows = np.concatenate([rows, thief_rows(rng, 16)])
    return rows[:16]


def test_evidence_is_the_live_watch_s(calibration: Calibration) -> None:
    rng = np.random.default_rng(3)
    rows = [honest_rows(rng, 16), searched(rng), honest_rows(rng, 3)]
    exchanges = [exchange(f"x-{number}", row, at=1.0) for number, row in enumerate(rows)]
    ((batch,),) = batches(exchanges, {}).values()
    judge = Judge(calibration, 3)
    passed = list(judge.passing(readings_at_checkpoints(calibration.profile, batch)))
    assert all(not reached.states for reached in passed)
    judged = judge.judged
    cases = CasesInMemory()
    Watch({"": calibration}).look(exchanges, cases)
    live = [sum(cases.evidence(f"x-{number}").values()) for number in range(3)]
    assert np.allclose(judged.evidence, live)
    assert judged.looks.tolist() == [3, 3, 0]
    assert judged.evidence[1] > judged.evidence[0]
    assert judged.rows[2] == 0


def test_findings_say_why(calibration: Calibration) -> None:
    rng = np.random.default_rng(4)
    batch = batch_of([honest_rows(rng, 16), searched(rng)], "x")
    judge = Judge(calibration, 2)
    list(judge.passing(readings_at_checkpoints(calibration.profile, batch)))
    (finding,) = explained(calibration, batch, judge.judged, np.array([1]))
    assert finding.account == "x-1"
    assert finding.rows == judge.judged.rows[1]
    assert "low-margin" in {signal.reading.detector for signal in finding.signals}
    assert all(signal.reading.reason for signal in finding.signals)
    assert explained(calibration, batch, judge.judged, np.array([], dtype=np.int64)) == []
