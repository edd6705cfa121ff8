"""What past windows show about traits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.packing import pack, unpack
from moatkeeper.patterns.past_traits import PastTraits
from tests.support.ring_world import calibration, honest_batch, honest_traits, past_traits


def test_colleagues_of_honest_weeks_are_its_groups() -> None:
    found = past_traits().links
    assert len(found.strange) > 50
    assert 0.05 < found.share < 0.5
    assert not found.enough(0.0001)


def test_it_survives_a_file() -> None:
    other = unpack(pack(past_traits()), PastTraits, "here")
    assert other.cells.cut == past_traits().cells.cut
    assert other.links.strange.tolist() == past_traits().links.strange.tolist()


def test_it_needs_a_history() -> None:
    with pytest.raises(CalibrationError, match="history"):
        PastTraits.fit(replace(calibration(), history=None), honest_batch(), honest_traits())
