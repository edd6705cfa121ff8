"""Attribute cells against the rest of the window."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.cells import CUT, KINDS, LEAST_CELL, CellHistory, cell_z, cells_of, inside_of, named_below
from moatkeeper.patterns.traits import NOTHING_KNOWN, Traits
from tests.support.ring_world import calibration, honest_traits


def _agents(counts: dict[str, int]) -> list[Traits]:
    return [Traits(agents=(agent,)) for agent, count in counts.items() for _ in range(count)]


@given(st.permutations(range(40)))
def test_the_order_of_accounts_does_not_matter(order: list[int]) -> None:
    traits = _agents({"a": 12, "b": 28})
    scores = np.random.default_rng(1).standard_normal((40, 2))
    one, other = cells_of(traits), cells_of([traits[place] for place in order])
    assert sorted(one.values) == sorted(other.values)
    first, second = cell_z(one, scores), cell_z(other, scores[order])
    assert np.allclose(first[np.argsort(one.values)], second[np.argsort(other.values)])


def test_a_cell_is_compared_with_the_rest_of_its_window_by_hand() -> None:
    scores = np.r_[np.full(10, 1.0), np.full(30, -1.0)][:, None]
    z = cell_z(cells_of(_agents({"ring": 10, "others": 30})), scores)
    spread = np.std(scores) * np.sqrt(1 / 10 + 1 / 30)
    assert np.allclose(z[:, 0], [2 / spread, -2 / spread])


def test_if_everybody_is_strange_no_cell_stands_out() -> None:
    scores = np.random.default_rng(2).standard_normal((400, 1)) + 5
    assert np.abs(cell_z(cells_of(_agents({"a": 100, "b": 300})), scores)).max() < CUT


def test_small_cells_and_unranked_accounts_say_nothing() -> None:
    cells = cells_of(_agents({"few": LEAST_CELL - 1, "others": 30}))
    assert np.isnan(cell_z(cells, np.ones((37, 1)))[0, 0])
    assert np.isnan(cell_z(cells, np.full((37, 1), np.nan))).all()
    assert cells_of([NOTHING_KNOWN] * 3).values == ()


def _history() -> CellHistory:
    history = calibration().history
    assert history is not None
    return CellHistory.fit(history, honest_traits())


def test_honest_windows_set_the_cut_and_shares_are_those_of_a_window() -> None:
    found = _history()
    assert found.cut >= CUT
    assert (found.spread >= 1).all()
    assert 0 < found.share.max() <= 1
    assert (found.share <= 1).all()
    assert found.fresh[KINDS.index("hour")] <= found.fresh[KINDS.index("day")] < 0.2


def test_a_tool_chain_is_flagged_and_the_milder_level_pays_for_its_honest_users() -> None:
    history = _history()
    rng = np.random.default_rng(3)
    traits = [Traits(agents=(f"agent {number % 5}",)) for number in range(500)] + [Traits(agents=("tool",))] * 60
    scores = rng.standard_normal((560, 3))
    assert history.flagged(cells_of(traits), scores, ("a", "b", "c")) == ()
    scores[500:, 1] += 2
    (flagged,) = history.flagged(cells_of(traits), scores, ("a", "b", "c"))
    assert (flagged.kind, flagged.value, flagged.statistic) == ("agent", "tool", "b")
    assert inside_of([flagged], 560).tolist() == [False] * 500 + [True] * 60
    known = flagged._replace(share=0.1)
    assert named_below([known], 0.0002) == 0.002
    assert named_below([known, known], 0.0002) == 0.001
