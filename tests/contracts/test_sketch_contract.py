"""The laws of every sketch in the registry: many hands may fill it, in any order, and nobody can tell afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.sketch.base import Marks, Owners, Sketch, State
from moatkeeper.sketch.counts import Counts
from moatkeeper.sketch.packing import pack, unpack
from moatkeeper.sketch.registry import EXAMPLES, Example, Form

EXTREME_WHOLE = np.array([-(2**40), -1, 0, 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1])
EXTREME_REAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-300, 1e300, -1e300, 1.8e9])
SILENT = {Form.WHOLE: -1, Form.REAL: np.nan}
MOST_OWNERS = 4
HANDS = 3

every_sketch = pytest.mark.parametrize("name", sorted(EXAMPLES))
few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(0, 40)


@dataclass(frozen=True)
class Story:
    """Marks with their owners."""

    owners: Owners
    marks: Marks

    def take(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Story:
        return Story(self.owners[rows], self.marks[rows])


def told(example: Example, size: int, seed: int) -> Story:
    """Ordinary marks of any magnitude, and among them the extreme ones."""
    rng = np.random.default_rng(seed)
    shape = (size, example.width)
    if example.form is Form.WHOLE:
        plain = rng.integers(-3, 2 ** rng.integers(3, 62, shape))
        marks = np.where(rng.random(shape) < 0.1, rng.choice(EXTREME_WHOLE, shape), plain)
    else:
        ordinary = rng.normal(size=shape) * 10.0 ** rng.integers(-4, 10, shape)
        marks = np.where(rng.random(shape) < 0.1, rng.choice(EXTREME_REAL, shape), ordinary)
    return Story(rng.integers(0, MOST_OWNERS, size), marks)


def folded(sketch: Sketch, story: Story) -> State:
    state = sketch.empty(MOST_OWNERS)
    sketch.fold(state, story.owners, story.marks)
    return state


def check_any_cut(example: Example, size: int, seed: int) -> None:
    """The fold of a whole is the merge of the folds of its parts, shuffled and dealt at will."""
    story, rng = told(example, size, seed), np.random.default_rng(seed)
    shuffled = rng.permutation(size)
    hands = rng.integers(0, HANDS, size)
    parts = [folded(example.sketch, story.take(shuffled[hands == hand])) for hand in range(HANDS)]
    merged = parts[0]
    for part in parts[1:]:
        merged = example.sketch.merge(part, merged)
    np.testing.assert_array_equal(merged, folded(example.sketch, story))


def check_many_cuts(example: Example) -> None:
    for seed in range(20):
        check_any_cut(example, 40, seed)


@every_sketch
@given(size=sizes, seed=seeds)
@few
def test_the_fold_of_a_whole_is_the_merge_of_its_parts_in_any_order(name: str, size: int, seed: int) -> None:
    check_any_cut(EXAMPLES[name], size, seed)


@every_sketch
@given(size=sizes, seed=seeds)
@few
def test_folding_on_is_folding_at_once(name: str, size: int, seed: int) -> None:
    example, cut = EXAMPLES[name], size // 3
    story = told(example, size, seed)
    state = example.sketch.empty(MOST_OWNERS)
    for part in (np.arange(cut), np.arange(cut, size)):
        example.sketch.fold(state, story.owners[part], story.marks[part])
    np.testing.assert_array_equal(state, folded(example.sketch, story))


@every_sketch
@given(sizes=st.tuples(sizes, sizes, sizes), seed=seeds)
@few
def test_merge_is_associative_and_commutative_and_has_a_neutral_element(
    name: str, sizes: tuple[int, int, int], seed: int
) -> None:
    example = EXAMPLES[name]
    merge = example.sketch.merge
    a, b, c = (folded(example.sketch, told(example, size, seed + number)) for number, size in enumerate(sizes))
    np.testing.assert_array_equal(merge(a, b), merge(b, a))
    np.testing.assert_array_equal(merge(a, merge(b, c)), merge(merge(a, b), c))
    np.testing.assert_array_equal(merge(a, example.sketch.empty(MOST_OWNERS)), a)


@every_sketch
@given(size=sizes, seed=seeds)
@few
def test_merging_changes_neither_state(name: str, size: int, seed: int) -> None:
    example = EXAMPLES[name]
    first, second = (folded(example.sketch, told(example, size, seed + number)) for number in range(2))
    before = first.copy(), second.copy()
    example.sketch.merge(first, second)
    np.testing.assert_array_equal(first, before[0])
    np.testing.assert_array_equal(second, before[1])


@every_sketch
@given(size=sizes, seed=seeds)
@few
def test_an_owner_s_state_depends_on_his_own_marks_only(name: str, size: int, seed: int) -> None:
    example = EXAMPLES[name]
    story = told(example, size, seed)
    whole = folded(example.sketch, story)
    for owner in range(MOST_OWNERS):
        alone = example.sketch.empty(1)
        own = story.marks[story.owners == owner]
        example.sketch.fold(alone, np.zeros(len(own), dtype=np.int64), own)
        np.testing.assert_array_equal(whole[owner], alone[0])


@every_sketch
def test_marks_that_say_nothing_are_passed_over(name: str) -> None:
    example = EXAMPLES[name]
    story = told(example, 20, seed=1)
    state = folded(example.sketch, story)
    before = state.copy()
    silent = np.full((5, example.width), SILENT[example.form])
    example.sketch.fold(state, np.zeros(5, dtype=np.int64), silent)
    np.testing.assert_array_equal(state, before)
    example.sketch.fold(state, story.owners[:0], story.marks[:0])
    np.testing.assert_array_equal(state, before)
    assert state.tobytes() != example.sketch.empty(MOST_OWNERS).tobytes(), "the story itself must have said something"


@every_sketch
@given(size=sizes, seed=seeds)
@few
def test_a_state_survives_its_bytes_and_goes_on(name: str, size: int, seed: int) -> None:
    example = EXAMPLES[name]
    story = replace(told(example, size, seed), owners=np.zeros(size, dtype=np.int64))
    state = example.sketch.empty(1)
    example.sketch.fold(state, story.owners, story.marks)
    restored = unpack(pack({name: state}), {name: example.sketch}, "a test")[name]
    np.testing.assert_array_equal(restored, state)
    assert restored.dtype == state.dtype
    for one in (restored, state):
        example.sketch.fold(one, story.owners, story.marks)
    np.testing.assert_array_equal(restored, state)


@every_sketch
def test_a_state_with_gaps_in_memory_is_folded_all_the_same(name: str) -> None:
    example = EXAMPLES[name]
    story = told(example, 20, seed=3)
    gaps = np.repeat(example.sketch.empty(MOST_OWNERS), 2, axis=0)[::2]
    assert not gaps.flags.c_contiguous
    example.sketch.fold(gaps, story.owners, story.marks)
    np.testing.assert_array_equal(gaps, folded(example.sketch, story))


class Forgetful(Counts):
    """Not a sketch: the last mark wins, so that order matters."""

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        state[owners, 0] = marks[:, 0]


class Rounding(Counts):
    """Not a sketch: sums of floats, which depend on the order in the last bits."""

    def empty(self, owners: int) -> State:
        return np.zeros((owners, self.width))

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        np.add.at(state, owners, np.nan_to_num(np.clip(marks, -1e6, 1e6)))


@pytest.mark.parametrize(
    "broken", [Example(Forgetful(2), Form.WHOLE, 2), Example(Rounding(2), Form.REAL, 2)], ids=["forgetful", "rounding"]
)
def test_what_is_no_sketch_breaks_the_law(broken: Example) -> None:
    with pytest.raises(AssertionError):
        check_many_cuts(broken)
