"""All tests for rings together, on a small simulated service."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.rings_world import Traffic, honest_week, together
from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.rings import look_for_rings
from moatkeeper.patterns.rings_report import Budget, RingReport, Rule, Suspect
from moatkeeper.patterns.shared_cells import TABLES
from moatkeeper.patterns.traits import Traits
from moatkeeper.patterns.window import Window
from tests.support.ring_world import (
    ACCOUNTS,
    calibration,
    honest,
    in_ring,
    past_traits,
    week_traits,
    window,
    with_ring,
    world,
)

GENEROUS = Budget(ratio=0.005, shared_cells=0.002, traits=0.002, links=0.001)
"""A history of a few thousand accounts cannot show p-values of one in two thousand."""


def _recall(report: RingReport, ring: int, *, named: bool) -> float:
    listed = report.named if named else (*report.silent, *report.named)
    return sum(in_ring(suspect.account) for suspect in listed) / ring


def _honest(report: RingReport) -> int:
    return sum(not in_ring(suspect.account) for suspect in report.named)


@pytest.mark.parametrize("seed", range(4))
def test_an_honest_week_holds_no_ring_and_nobody_is_on_a_list(seed: int) -> None:
    report = look_for_rings(calibration(), window(honest(seed), seed), week_traits(honest(seed), seed), past=past_traits())
    assert not report.ring
    assert report.silent == report.named == ()


@pytest.mark.parametrize("seed", range(2))
def test_a_ring_that_mimics_honest_customers_is_not_found(seed: int) -> None:
    report = look_for_rings(calibration(), window(with_ring("mimic", 200, 4, seed), seed), budget=GENEROUS)
    assert not report.ring
    assert report.named == ()


@pytest.mark.parametrize("kind", ["uniform", "shuffle", "jbda", "line", "active"])
def test_a_ring_of_accounts_with_four_requests_each_is_noticed(kind: str) -> None:
    report = look_for_rings(calibration(), window(with_ring(kind, 400, 4, 3), 3))
    assert report.ring
    assert report.signs[0].share > 0.05
    assert report.signs[0].z > report.signs[0].cut
    assert "accounts" in report.signs[0].words


@pytest.mark.parametrize("kind", ["uniform", "shuffle"])
def test_accounts_that_send_what_nobody_has_are_named_and_honest_ones_are_not(kind: str) -> None:
    report = look_for_rings(calibration(), window(with_ring(kind, 400, 4, 3), 3), budget=GENEROUS)
    assert _recall(report, 400, named=True) > 0.5
    assert _honest(report) <= 0.02 * ACCOUNTS
    assert not {suspect.account for suspect in report.named} & {suspect.account for suspect in report.silent}
    assert all(suspect.reason and suspect.p_value <= 1 for suspect in report.named)


def test_a_line_search_dealt_over_accounts_is_seen_where_they_meet() -> None:
    report = look_for_rings(calibration(), window(with_ring("line", 400, 4, 3), 3))
    assert "shared cells" in {sign.test for sign in report.signs}
    met = [suspect for suspect in report.named if suspect.rule is Rule.SHARED_CELLS]
    assert sum(in_ring(suspect.account) for suspect in met) > 0.1 * 400
    assert sum(not in_ring(suspect.account) for suspect in met) <= 0.01 * ACCOUNTS


def test_a_shared_tool_chain_is_reported_and_its_honest_users_are_not_named() -> None:
    traffic = with_ring("active", 300, 4, 5)
    report = look_for_rings(calibration(), window(traffic, 5), week_traits(traffic, 5, leak=1.0), GENEROUS, past_traits())
    assert any(sign.test == "trait agent" and "agent 7" in sign.words for sign in report.signs)
    without = look_for_rings(calibration(), window(traffic, 5), budget=GENEROUS)
    assert _recall(report, 300, named=True) >= _recall(without, 300, named=True)
    assert _honest(report) <= 0.02 * ACCOUNTS


def test_colleagues_behind_one_office_address_are_not_punished() -> None:
    office = {f"week16-{number}": Traits(networks=("office",), organisation="firm") for number in range(40)}
    accused = 0
    for seed in (9, 10, 11):
        week = honest(seed)
        keep = frozenset(name for name in window(week, seed).names if name in office)
        report = look_for_rings(calibration(), window(week, seed, keep), office, GENEROUS, past_traits())
        assert report.named == ()
        accused += bool(report.silent)
    assert accused <= 1  # the budget allows a group in twenty


def test_customers_who_edit_one_template_are_not_named_beyond_the_budget() -> None:
    rng = np.random.default_rng(11)
    editors = np.repeat(np.arange(60), 6)
    rows = world().rows[editors % 6].copy()
    column = rng.integers(0, rows.shape[1], len(editors))
    rows[np.arange(len(rows)), column] = world().rows[rng.integers(0, len(world().rows), len(rows)), column]
    week = together(honest_week(world(), rng, ACCOUNTS), Traffic(editors, rows, np.full(60, -1)))
    report = look_for_rings(calibration(), window(week, 11), budget=GENEROUS)
    assert sum(in_ring(suspect.account) for suspect in report.named) <= 3


def test_linked_accounts_are_named_unless_they_vary_rows_of_their_own() -> None:
    traffic = with_ring("uniform", 100, 4, 8)
    names = window(traffic, 8).names
    ring = frozenset(name for name in names if in_ring(name))
    office = {name: Traits(payments=(f"card {number // 20}",)) for number, name in enumerate(sorted(ring))}
    found = window(traffic, 8, ring)
    ample = Budget(links=0.2)  # a small service has too few past groups for less
    named = {one.account for one in _by_links(found, office, ample)}
    assert named
    assert named <= ring
    # The negative control: the same rows, taken for variations of one row of the account's own.
    buckets = found.buckets.copy()
    buckets[:, :TABLES] = found.owners[:, None]
    assert not _by_links(replace(found, buckets=buckets), office, ample)


def _by_links(found: Window, traits: dict[str, Traits], budget: Budget) -> list[Suspect]:
    report = look_for_rings(calibration(), found, traits, budget, past_traits())
    return [one for one in report.named if one.rule is Rule.LINKS]


def test_what_cannot_be_promised_is_said() -> None:
    report = look_for_rings(
        calibration(), window(with_ring("shuffle", 400, 4, 3), 3), past=past_traits(), traits={"a": Traits()}
    )
    assert any("past groups of linked accounts, too few" in words for words in report.refused)
    assert any("0.10%" in words for words in report.promises)


def test_without_a_history_nothing_is_said() -> None:
    with pytest.raises(CalibrationError, match="history"):
        look_for_rings(replace(calibration(), history=None), window(honest(0), 0))
