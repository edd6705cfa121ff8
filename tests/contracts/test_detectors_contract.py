"""The laws of every detector in the registry: a new one is covered by its registry line."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Detector, Fitted
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.encoder import Encoder
from moatkeeper.patterns.fusion import Fusion
from moatkeeper.patterns.packing import pack, unpack
from moatkeeper.patterns.profile import Profile
from moatkeeper.patterns.registry import DETECTORS
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import State
from tests.support.honest import honest_batch, model

ACCOUNTS, EACH = 60, 20
MOST_BYTES = 8_192
"""Of state an account, all default detectors together: issue 4."""
STRANGE = 6.9
"""A rarity, -ln 0.001: one honest account in a thousand."""
HUGE = 1e300

few = settings(max_examples=8)
detectors = pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)


def staged(batch: Batch) -> Batch:
    """The batch with the classes of four stages: three that see some columns only, and the model."""
    inputs = np.nan_to_num(np.asarray(batch.inputs), nan=0.0, posinf=0.0, neginf=0.0)
    seen = [np.where(np.arange(inputs.shape[1]) < columns, inputs, 0.0) for columns in (1, 2, 3)]
    stages = np.stack([model(part).argmax(axis=1) for part in (*seen, inputs)], axis=1)
    rng = np.random.default_rng(len(batch))
    age = rng.uniform(0, 40, len(batch)) * 86_400.0
    return replace(batch, stages=stages, room=rng.random(len(batch)), model_age=age)


def texts(accounts: int, each: int, seed: int) -> Batch:
    """Accounts that send short texts, with labels."""
    rng = np.random.default_rng(seed)
    words = np.array(["card", "lost", "pay", "help", "where", "is", "my", "top up", "refund", "please", "today", "limit"])
    said = tuple(" ".join(rng.choice(words, rng.integers(3, 9)).tolist()) for _ in range(accounts * each))
    owners = np.repeat(np.arange(accounts), each)
    names = tuple(f"account-{number}" for number in range(accounts))
    at = np.arange(len(owners), dtype=np.float64)
    return Batch(names, owners, at, np.arange(len(owners)), texts=said, labels=rng.integers(0, 3, len(owners)))


def chats(accounts: int, each: int, seed: int) -> Batch:
    """Accounts that talk to a model which generates text."""
    rng = np.random.default_rng(seed)
    batch = texts(accounts, each, seed)
    systems = tuple(("You are a bank.", "Answer in one word.")[number] for number in rng.integers(0, 2, len(batch)).tolist())
    turns, tokens = rng.integers(1, 4, len(batch)), rng.integers(5, 300, len(batch))
    age = rng.uniform(0, 1e6, len(batch))
    return replace(batch, systems=systems, labels=None, turns=turns, tokens=tokens, model_age=age)


def images(accounts: int, each: int, seed: int) -> Batch:
    """Accounts that send wide rows: the honest ones on random axes, with a little noise."""
    batch = honest_batch(accounts, each, seed)
    inputs = np.array(batch.inputs)
    axes = np.random.default_rng(0).normal(size=(inputs.shape[1], 80))
    return replace(batch, inputs=inputs @ axes + np.random.default_rng(seed).normal(0, 0.1, (len(inputs), 80)))


@functools.cache
def worlds() -> tuple[tuple[Encoder, Rows], ...]:
    """Encoded honest traffic to models of tables, texts and images, and to one that generates text."""
    batches = (
        staged(honest_batch(ACCOUNTS, EACH, seed=1)),
        texts(ACCOUNTS, EACH, 2),
        chats(ACCOUNTS, EACH, 3),
        images(ACCOUNTS, EACH, 4),
    )
    encoders = [Encoder.fit(batch) for batch in batches]
    return tuple((one, one.rows(batch)) for one, batch in zip(encoders, batches, strict=True))


@functools.cache
def known(name: str) -> tuple[Fitted, Rows, Encoder]:
    """A detector with rows that it has a say about."""
    for encoder, rows in worlds():
        one = DETECTORS[name].fit(rows)
        if one is not None:
            return one, rows, encoder
    raise LookupError(name)


def fitted_with_rows(detector: Detector) -> tuple[Fitted, Rows]:
    return known(detector.name)[:2]


def folded(one: Fitted, seen: Rows, chosen: np.ndarray, owners: int = ACCOUNTS) -> dict[str, State]:
    """The states of all accounts after these rows."""
    marks, states = one.marks(seen), {}
    for name, sketch in one.sketches().items():
        states[name] = sketch.empty(owners)
        sketch.fold(states[name], seen.batch.accounts[chosen], marks[name][chosen])
    return states


def readings(one: Fitted, seen: Rows, owners: int = ACCOUNTS) -> FloatArray:
    every = np.arange(len(seen))
    return one.read(folded(one, seen, every, owners), np.bincount(seen.batch.accounts, minlength=owners))


def test_every_detector_has_a_say_about_some_model() -> None:
    assert all(known(name) for name in DETECTORS)


@detectors
def test_names_and_meanings_are_said(detector: Detector) -> None:
    assert DETECTORS[detector.name] is detector
    assert detector.meaning
    assert not detector.meaning.endswith(".")


@detectors
@few
@given(seed=st.integers(0, 2**32 - 1))
def test_marks_depend_on_the_row_alone(detector: Detector, seed: int) -> None:
    one, seen, encoder = known(detector.name)
    chosen = np.random.default_rng(seed).permutation(len(seen))[:37]
    whole, few = one.marks(seen), one.marks(encoder.rows(seen.batch.take(chosen)))
    assert set(whole) == set(one.sketches())
    for name, marks in whole.items():
        assert len(marks) == len(seen)
        np.testing.assert_array_equal(marks[chosen], few[name])


@detectors
@few
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_parts_merge_to_the_whole(detector: Detector, seed: int, share: float) -> None:
    one, seen = fitted_with_rows(detector)
    first = np.random.default_rng(seed).random(len(seen)) < share
    left, right = folded(one, seen, np.flatnonzero(first)), folded(one, seen, np.flatnonzero(~first))
    for name, whole in folded(one, seen, np.arange(len(seen))).items():
        np.testing.assert_array_equal(one.sketches()[name].merge(left[name], right[name]), whole)


@detectors
@few
@given(seed=st.integers(0, 2**32 - 1), rows_of_one=st.integers(0, 5_000))
def test_a_reading_is_a_number_or_silence(detector: Detector, seed: int, rows_of_one: int) -> None:
    one, seen = fitted_with_rows(detector)
    owners = np.random.default_rng(seed).integers(0, 3, len(seen))
    states = folded(one, replace(seen, batch=replace(seen.batch, accounts=owners)), np.arange(len(seen)), 4)
    for counts in (np.bincount(owners, minlength=4), np.full(4, rows_of_one)):
        found = one.read(states, counts)
        assert found.shape == (4,)
        assert not np.isinf(found).any()


@detectors
def test_nobody_is_strange_who_asked_nothing(detector: Detector) -> None:
    one, seen = fitted_with_rows(detector)
    empty = folded(one, seen, np.empty(0, dtype=np.int64), 1)
    nothing = one.read(empty, np.zeros(1, dtype=np.int64))
    assert nothing.shape == (1,)
    assert np.isnan(nothing[0]) or nothing[0] <= np.nanmax(readings(one, seen))


@detectors
def test_fitting_is_the_same_every_time(detector: Detector) -> None:
    one, seen = fitted_with_rows(detector)
    again = detector.fit(seen)
    assert again is not None
    assert pack(again) == pack(one)


@detectors
def test_packing_changes_no_mark_and_no_reading(detector: Detector) -> None:
    one, seen = fitted_with_rows(detector)
    again = unpack(pack(one), type(one), "a test")
    for name, marks in one.marks(seen).items():
        np.testing.assert_array_equal(again.marks(seen)[name], marks)
    np.testing.assert_array_equal(readings(again, seen), readings(one, seen))


@detectors
def test_it_explains_itself_with_numbers(detector: Detector) -> None:
    one, seen = fitted_with_rows(detector)
    first = np.flatnonzero(seen.batch.accounts == 0)
    said = one.explain(folded(one, seen, first, 1), np.array([len(first)]))
    assert any(letter.isdigit() for letter in said), said
    assert "nan" not in said
    assert one.explain(folded(one, seen, np.empty(0, dtype=np.int64), 1), np.zeros(1, dtype=np.int64))


def table(change: str, seed: int) -> Batch:
    """Honest customers of whom every row has something about it that is no theft."""
    rng = np.random.default_rng(seed)
    batch = honest_batch(ACCOUNTS, EACH, seed=seed)
    inputs, scores = np.array(batch.inputs), np.array(batch.scores)
    touched = rng.random(len(inputs)) < 0.3
    if change == "constant columns":
        inputs[:, 1:4] = 7.0
    elif change == "missing numbers":
        inputs[rng.random(inputs.shape) < 0.2] = np.nan
    elif change == "infinite numbers":
        inputs[rng.random(inputs.shape) < 0.2] = np.inf
    elif change == "huge numbers":
        inputs[touched, 5] = HUGE
    elif change == "a column of nothing":
        inputs[:, 2] = np.nan
    elif change == "one class only":
        scores = np.tile([0.9, 0.1], (len(scores), 1))
    elif change == "missing scores":
        scores[touched] = np.nan
    elif change == "one row again and again":
        inputs, scores = np.tile(inputs[:1], (len(inputs), 1)), np.tile(scores[:1], (len(scores), 1))
    return staged(replace(batch, inputs=inputs, scores=scores))


@detectors
@pytest.mark.parametrize(
    "change",
    [
        "constant columns",
        "missing numbers",
        "infinite numbers",
        "huge numbers",
        "a column of nothing",
        "one class only",
        "missing scores",
        "one row again and again",
    ],
)
def test_odd_data_that_all_customers_have_makes_none_strange(detector: Detector, change: str) -> None:
    usual = Encoder.fit(table(change, 3))
    one = detector.fit(usual.rows(table(change, 3)))
    if one is None:
        return
    known, fresh = readings(one, usual.rows(table(change, 4))), readings(one, usual.rows(table(change, 5)))
    assert not np.isinf(known).any()
    rarities = Fusion.fit(known[:, None]).rarities(fresh[:, None])
    assert np.median(rarities) < STRANGE


@detectors
@pytest.mark.parametrize("lacking", ["scores", "stages", "everything"])
def test_what_a_log_lacks_makes_nobody_strange(detector: Detector, lacking: str) -> None:
    one, seen = fitted_with_rows(detector)
    batch = seen.batch
    if lacking == "stages":
        batch = replace(batch, stages=None)
    elif lacking == "scores":
        batch = replace(batch, scores=None, labels=None)
    else:
        batch = replace(batch, scores=None, labels=None, stages=None, turns=None, tokens=None, room=None, model_age=None)
    nothing = replace(seen, batch=batch)
    if lacking != "stages":
        nothing = replace(nothing, labels=np.full(len(seen), -1), margins=np.full(len(seen), np.nan))
    found, usual = readings(one, nothing), readings(one, seen)
    assert not np.isinf(found).any()
    assert np.isnan(found).all() or np.nanmedian(found) <= np.nanmax(usual)


@detectors
@pytest.mark.parametrize("dress", [HUGE, -HUGE, np.nan, np.inf])
def test_one_row_in_a_strange_dress_makes_nobody_a_thief(detector: Detector, dress: float) -> None:
    encoder, seen = worlds()[0]
    one = detector.fit(seen)
    if one is None:
        return
    usual, dressed = staged(honest_batch(ACCOUNTS, EACH, seed=4)), staged(honest_batch(ACCOUNTS, EACH, seed=5))
    inputs = np.array(dressed.inputs)
    inputs[::EACH] = dress
    fusion = Fusion.fit(readings(one, encoder.rows(usual))[:, None])
    found = readings(one, encoder.rows(replace(dressed, inputs=inputs)))
    assert not np.isinf(found).any()
    assert np.median(fusion.rarities(found[:, None])) < STRANGE


@detectors
def test_a_new_category_makes_nobody_a_thief(detector: Detector) -> None:
    batch, usual, fresh = staged(coded(3)), staged(coded(4)), staged(coded(5))
    encoder = Encoder.fit(batch)
    one = detector.fit(encoder.rows(batch))
    if one is None:
        return
    inputs = np.array(fresh.inputs)
    inputs[:, 5] = 99.0
    found = readings(one, encoder.rows(replace(fresh, inputs=inputs)))
    fusion = Fusion.fit(readings(one, encoder.rows(usual))[:, None])
    assert np.median(fusion.rarities(found[:, None])) < STRANGE


def coded(seed: int) -> Batch:
    """Honest customers, whose last column is a category that says nothing."""
    batch = honest_batch(ACCOUNTS, EACH, seed=seed)
    inputs = np.array(batch.inputs)
    inputs[:, 5] = np.random.default_rng(seed).integers(0, 5, len(inputs))
    return replace(batch, inputs=inputs, scores=model(inputs))


def test_all_states_together_are_small() -> None:
    for _, rows in worlds():
        states = Profile.fit("model", rows.batch).empty(1)
        assert sum(state.nbytes for state in states.values()) <= MOST_BYTES
