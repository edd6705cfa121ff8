"""Moments as logs write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.store.logs.base import Unreadable
from moatkeeper.store.logs.times import moment

AT = 1_767_225_600.25  # 2026-01-01T00:00:00.25Z


@pytest.mark.parametrize(
    "written",
    [
        AT,
        AT * 1e3,
        AT * 1e6,
        AT * 1e9,
        str(AT),
        "2026-01-01T00:00:00.25Z",
        "2026-01-01T00:00:00.250+00:00",
        "2026-01-01T01:00:00.250+01:00",
        "2026-01-01 00:00:00.250",
    ],
)
def test_one_moment_however_it_is_written(written: object) -> None:
    assert moment(written) == pytest.approx(AT, abs=1e-3)


def test_whole_seconds_days_and_nginx() -> None:
    assert moment("2026-01-01T00:00:00Z") == moment("2026-01-01") == moment("01/Jan/2026:01:00:00 +0100") == 1_767_225_600


@pytest.mark.parametrize("written", [None, "", "soon", -1, float("nan"), float("inf"), [], "2026-13-01T00:00:00Z", True])
def test_what_is_no_moment_is_refused(written: object) -> None:
    with pytest.raises(Unreadable, match="expected seconds since 1970"):
        moment(written)


@given(st.text(max_size=40) | st.floats() | st.integers() | st.none())
def test_whatever_is_written_it_is_a_moment_or_unreadable(written: object) -> None:
    with suppress(Unreadable):
        assert moment(written) >= 0 or isinstance(written, str)
