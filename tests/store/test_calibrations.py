"""Calibrations in a folder: one a model, and a broken one is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.store.calibrations import load_calibrations, seen
from tests.support.honest import honest_batch


@pytest.fixture(scope="module")
def content() -> bytes:
    """A small calibration's bytes."""
    return Calibration.fit("credit", honest_batch(100, 16, seed=1)).to_bytes()


def test_a_folder_that_is_not_there_holds_none(tmp_path: Path) -> None:
    assert load_calibrations(tmp_path / "nowhere") == {}
    assert seen(tmp_path / "nowhere") == ()


def test_a_calibration_is_known_by_its_model_whatever_its_file_is_called(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "anything.calibration").write_bytes(content)
    (tmp_path / "notes.txt").write_text("no calibration")
    assert list(load_calibrations(tmp_path)) == ["credit"]


def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.calibration").write_bytes(content[:-1])
    with pytest.raises(CalibrationError, match=r"one\.calibration: found a damaged file"):
        load_calibrations(tmp_path)


def test_two_calibrations_of_one_model_are_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.calibration").write_bytes(content)
    with pytest.raises(CalibrationError, match="second calibration of the model 'credit'"):
        load_calibrations(tmp_path)


def test_a_change_of_a_file_is_seen(tmp_path: Path, content: bytes) -> None:
    before = seen(tmp_path)
    file = tmp_path / "one.calibration"
    file.write_bytes(content)
    first = seen(tmp_path)
    os.utime(file, ns=(1, 1))
    assert len({before, first, seen(tmp_path)}) == 3
