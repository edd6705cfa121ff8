"""Rings of several windows as one, and what is no ring."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.hunt.findings import Member, Ring
from moatkeeper.hunt.rings import together
from moatkeeper.patterns.rings_report import Sign


def ring(since: int, z: float, named: tuple[str, ...] = (), likely: tuple[str, ...] = ()) -> Ring:
    """A ring of one window of length 10."""
    members = (tuple(Member(name, 4, "why") for name in names) for names in (named, likely))
    return Ring(since, since + 10, (Sign("excess of x", z, 6.0, 0.1, f"{z} deviations"),), *members)


def test_windows_that_follow_each_other_are_one_ring() -> None:
    first, second = together([ring(50, 7.0, ("z",)), ring(10, 8.0, ("b",), ("c",)), ring(0, 12.0, ("a",), ("b",))])
    assert (first.since, first.until, first.strength) == (0, 20, 2.0)
    assert {member.account for member in first.named} == {"a", "b"}
    assert [member.account for member in first.likely] == ["c"]
    assert [sign.words for sign in first.signs] == ["12.0 deviations"]
    assert [member.account for member in second.named] == ["z"]


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(6, 40)), max_size=12))
def test_the_most_conspicuous_comes_first_and_none_overlap(windows: list[tuple[int, float]]) -> None:
    found = together(ring(since, z) for since, z in windows)
    assert [one.strength for one in found] == sorted((one.strength for one in found), reverse=True)
    ordered = sorted(found, key=lambda one: one.since)
    assert all(first.until < second.since for first, second in pairwise(ordered))
    if windows:
        assert max(one.strength for one in found) == max(z for _, z in windows) / 6.0
