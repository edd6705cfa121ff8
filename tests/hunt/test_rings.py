"""Rings of several windows as one, and what is no ring."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.hunt.findings import Member, Ring
from moatkeeper.hunt.rings import _stands_out, _weak, together
from moatkeeper.patterns.rings_report import RingReport, Rule, Sign, Suspect


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


def report(accounts: int, listed: int, *signs: Sign) -> RingReport:
    """A window with these signs and so many accounts that are likely."""
    likely = tuple(Suspect(f"a{number}", Rule.SHARED_CELLS, 4, 0.01, "why") for number in range(listed))
    return RingReport(accounts, signs, likely, (), (), ())


def test_a_few_accounts_that_meet_are_no_ring_and_are_told_all_the_same() -> None:
    meeting, excess = Sign("shared cells", 6.0, 3.0, 0.1, "meet"), Sign("excess of grain", 7.0, 6.0, 0.1, "too many")
    assert not _stands_out(report(200, 0, meeting))
    assert not _stands_out(report(200, 3, meeting))
    assert not _stands_out(report(10, 6, meeting))
    assert not _stands_out(report(200, 6))
    assert _stands_out(report(200, 6, meeting))
    assert _stands_out(report(200, 0, excess))
    assert _weak(report(200, 1, meeting)) == ("too weak for a ring: meet (a0)",)
    assert _weak(report(200, 0)) == ()
