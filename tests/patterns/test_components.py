"""Connected components."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.components import components

pairs = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 11)), max_size=40)


def _slowly(found: list[tuple[int, int]], count: int) -> list[int]:
    label = list(range(count))
    for _ in range(count):
        for group in {group for _, group in found}:
            members = [member for member, other in found if other == group]
            least = min(label[member] for member in members)
            for member in members:
                label[member] = least
    return label


@given(pairs)
def test_whoever_hangs_together_has_one_label_and_it_is_the_smallest_member(found: list[tuple[int, int]]) -> None:
    table = np.array(found, dtype=np.int64).reshape(-1, 2)
    assert components(table[:, 0], table[:, 1], 20).tolist() == _slowly(found, 20)


def test_a_chain_of_two_thousand_is_one_component() -> None:
    links = np.arange(2_000)
    members, groups = np.r_[links, links + 1], np.r_[links, links]
    assert set(components(members, groups, 2_002).tolist()) == {0, 2_001}
