"""The hunt through its front door: a planted ring comes first, and an honest log accuses nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from moatkeeper.errors import CalibrationError, StoreError, UsageError
from moatkeeper.hunt.findings import Basis, HuntFindings
from moatkeeper.hunt.hunt import Quarry, hunt
from moatkeeper.patterns.batch import joined
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.store.logs.gather import Gathering
from moatkeeper.store.logs.parts import gathered
from moatkeeper.store.logs.piece_reader import Window
from tests.support.hunting import DAY_S, RING_DAYS, RING_FROM, customers, in_order, ring
from tests.support.logs import START, Call, write

Hunted = Callable[..., HuntFindings]
CUSTOMERS, RING = 300, 40


@pytest.fixture(scope="module")
def honest() -> list[Call]:
    """Two months of customers."""
    return customers(CUSTOMERS, 0)


@pytest.fixture(scope="module")
def with_ring(honest: list[Call]) -> list[Call]:
    """The same, with a ring for three days."""
    return in_order(honest, ring(RING, 1))


@pytest.fixture
def hunted(tmp_path: Path) -> Hunted:
    """Hunts in these calls, in a log of a form."""

    def hunting(found: list[Call], form: str = "moatkeeper", **options: object) -> HuntFindings:
        return hunt(Quarry((write(form, found, tmp_path),), workers=1, **options))  # type: ignore[arg-type]

    return hunting


@pytest.mark.parametrize("form", ["moatkeeper", "payloads"])  # that others are read alike is tested with the readers
def test_a_planted_ring_comes_first(form: str, with_ring: list[Call], hunted: Hunted) -> None:
    findings = hunted(with_ring, form)
    (model,) = findings.models
    assert model.basis is Basis.CROSS_FIT
    strongest = model.rings[0]
    assert strongest.signs
    assert strongest.strength > 1
    assert strongest.since < START + DAY_S * (RING_FROM + RING_DAYS)
    assert strongest.until > START + DAY_S * RING_FROM
    listed = [member.account for member in (*strongest.named, *strongest.likely)]
    hits = sum(name.startswith("ring-") for name in listed)
    assert hits >= 0.8 * len(listed) > 0


@pytest.mark.parametrize("form", ["moatkeeper", "litellm"])
def test_an_honest_log_accuses_nobody(form: str, honest: list[Call], hunted: Hunted) -> None:
    findings = hunted(honest, form)
    assert not findings.found
    (model,) = findings.models
    assert model.looked_at > 0.95 * CUSTOMERS
    assert model.named == ()
    assert model.rings == ()


@pytest.mark.parametrize("form", ["envoy", "nginx"])
def test_an_access_log_says_that_nothing_is_in_it_and_accuses_nobody(form: str, honest: list[Call], hunted: Hunted) -> None:
    findings = hunted(honest[:2000], form)
    assert not findings.found
    assert any("says nothing of what was asked" in note for note in findings.models[0].notes)
    assert any("their key, or else their address, was taken for one" in note for note in findings.notes)


def test_with_a_calibration_on_honest_traffic_thieves_are_named_and_the_ring_too(
    with_ring: list[Call], hunted: Hunted, tmp_path: Path
) -> None:
    past = tmp_path / "past"
    past.mkdir()
    file = tmp_path / "credit.calibration"
    file.write_bytes(calibration(customers(800, 7), past).to_bytes())
    findings = hunted(with_ring, calibration=file, alpha=0.01)
    (model,) = findings.models
    assert model.basis is Basis.FILE
    assert model.rings
    thieves = [finding for finding in model.named if finding.account.startswith("ring-")]
    assert len(thieves) >= RING / 2
    assert model.named[0] in thieves
    assert all(finding.signals[0].reading.reason for finding in thieves)
    # The bound is on the chance of each honest account: of 300, 3 are to be expected, and 10 hardly ever.
    assert len(model.named) - len(thieves) <= 10


def test_a_calibration_of_another_model_is_not_used_unless_told(honest: list[Call], hunted: Hunted, tmp_path: Path) -> None:
    file = tmp_path / "other.calibration"
    file.write_bytes(calibration(honest, tmp_path, "other").to_bytes())
    (model,) = hunted(honest, calibration=file).models
    assert model.basis is Basis.NOTHING
    assert "the calibration is of the model 'other'" in model.notes[0]
    assert hunted(honest, calibration=file, model="credit").models[0].basis is Basis.FILE


def test_with_too_few_accounts_they_are_only_ranked(hunted: Hunted) -> None:
    few = in_order(customers(14, 3), ring(1, 4))
    (model,) = hunted(few).models
    assert model.basis is Basis.RANKS
    assert model.named == ()
    assert model.ranked
    assert all(finding.ranks_only for finding in model.ranked)
    assert any(note.startswith("only ranked: found") for note in model.notes)


def test_with_too_few_rows_nothing_is_said_but_that(hunted: Hunted) -> None:
    (model,) = hunted(customers(14, 3)[:50]).models
    assert model.basis is Basis.NOTHING
    assert not model.found
    assert "50 rows, expected at least 200" in model.notes[0]


def test_a_stretch_of_time_and_a_model_can_be_chosen(honest: list[Call], hunted: Hunted) -> None:
    findings = hunted(honest, window=Window(START, START + 20 * DAY_S))
    assert findings.exchanges == sum(call.at < START + 20 * DAY_S for call in honest)
    assert any("outside of the time asked for" in note for note in findings.notes)
    assert hunted(honest, model="nobody").models == ()


def test_a_calibration_that_is_broken_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    file = tmp_path / "broken.calibration"
    file.write_bytes(b"nonsense")
    with pytest.raises(CalibrationError, match=r"broken\.calibration: found 8 bytes that are no calibration"):
        hunt(Quarry((tmp_path / "no such log",), calibration=file))
    with pytest.raises(StoreError, match="expected a calibration that can be read"):
        hunt(Quarry((tmp_path / "no such log",), calibration=tmp_path / "nothing"))
    with pytest.raises(UsageError, match="no such file"):
        hunt(Quarry((tmp_path / "no such log",)))


def calibration(found: list[Call], folder: Path, model: str = "credit") -> Calibration:
    """What honest calls teach."""
    with Gathering(workers=1) as gathering:
        gathering.read([write("moatkeeper", found, folder)])
        (heap,) = gathering.heaps
        return Calibration.fit(model, joined([one.batch for job in gathering.jobs(heap) for one in gathered(job)]))
