"""Cases on the disk: what is kept comes back, however few fit into memory, and a damaged one begins anew with its evidence."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from moatkeeper.errors import StoreError
from moatkeeper.patterns.cases import Case, Looked
from moatkeeper.sketch.base import State
from moatkeeper.store.cases import StoredCases, packed, unpacked

kinds = st.sampled_from(["<f8", "<f4", "<i8", "<u4", "|u1", "|b1"])
arrays = kinds.flatmap(lambda kind: nps.arrays(kind, nps.array_shapes(max_dims=3, max_side=5)))
readings = st.lists(st.floats(allow_nan=True, allow_infinity=False), max_size=4).map(tuple)
looked = st.builds(Looked, st.integers(0, 9_999), st.floats(0, 2e9), st.floats(0, 1), st.floats(0, 1e6), readings)


def case(rows: int = 8, evidence: float = 3.0) -> Case:
    """A case with a sketch of its rows."""
    looks = (Looked(4, 1.0, 0.25, 2.0, (0.5, float("nan"))),)
    return Case("calibration", {"low-margin/counts": np.full((1, 4), rows)}, rows, evidence, 0.2, 4, looks)


@given(states=st.dictionaries(st.text(max_size=8), arrays, max_size=3), looks=st.lists(looked, max_size=4).map(tuple))
def test_states_and_looks_survive_packing(states: dict[str, State], looks: tuple[Looked, ...]) -> None:
    found, again = unpacked(packed(Case("", states, looks=looks)))
    assert list(found) == list(states)
    for name, state in states.items():
        assert found[name].dtype == state.dtype
        np.testing.assert_array_equal(found[name], state)
        assert found[name].flags.writeable
    np.testing.assert_equal(again, looks)


@given(content=st.binary(max_size=200))
def test_other_bytes_are_a_store_error_and_never_a_crash(content: bytes) -> None:
    with pytest.raises(StoreError):
        unpacked(content)


@given(cut=st.integers(0, 200))
def test_a_case_that_was_cut_is_a_store_error(cut: int) -> None:
    whole = packed(case())
    if cut < len(whole):
        with pytest.raises(StoreError):
            unpacked(whole[:cut])


def test_a_case_survives_a_restart(data: Path) -> None:
    with StoredCases.open(data) as cases:
        cases.keep("model", "one", case(8))
        cases.keep("other", "one", case(16, evidence=5.0))
    with StoredCases.open(data) as cases:
        found = cases.case("model", "one")
        assert found is not None
        np.testing.assert_equal(asdict(found), asdict(case(8)))
        assert cases.evidence("one") == {"model": 3.0, "other": 5.0}
        assert cases.case("model", "two") is None


def test_what_was_written_survives_a_kill_and_what_was_not_is_lost(data: Path) -> None:
    cases = StoredCases.open(data)
    cases.keep("model", "one", case(8))
    assert cases.write() == 1
    cases.keep("model", "two", case(8))
    with StoredCases.open(data) as again:  # as after a kill: the first was never closed
        assert again.case("model", "one") is not None
        assert again.case("model", "two") is None
    cases.close()


def test_memory_stays_bounded_and_nobody_is_forgotten(data: Path) -> None:
    with StoredCases.open(data, 100) as cases:
        for number in range(1_000):
            cases.keep("model", f"account-{number}", case(number))
            assert len(cases) <= 101
        for number in (0, 500, 999):
            found = cases.case("model", f"account-{number}")
            assert found is not None
            assert found.rows == number


def test_a_write_takes_the_oldest_changes_and_leaves_the_others_for_the_next(data: Path) -> None:
    with StoredCases.open(data) as cases:
        for number in range(10):
            cases.keep("model", str(number), case(number))
        assert [cases.write(4), cases.waiting, cases.write(4), cases.write(4), cases.write(4)] == [4, 6, 4, 2, 0]


def test_a_damaged_case_keeps_its_evidence_and_begins_anew(data: Path) -> None:
    with StoredCases.open(data) as cases:
        cases.keep("model", "one", case(8))
    with closing(sqlite3.connect(data / "moatkeeper.db")) as connection:
        connection.execute("UPDATE cases SET content = x'00'")
        connection.commit()
    with StoredCases.open(data) as cases:
        found = cases.case("model", "one")
    assert found == Case("", {}, 0, 3.0, 0.2, 4)


def test_a_failed_write_loses_nothing(data: Path) -> None:
    cases = StoredCases.open(data)
    cases.keep("model", "one", case(8))
    with closing(sqlite3.connect(data / "moatkeeper.db")) as connection:
        connection.execute("ALTER TABLE cases RENAME TO away")
        with pytest.raises(StoreError):
            cases.write()
        assert cases.waiting == 1
        connection.execute("ALTER TABLE away RENAME TO cases")
    assert cases.write() == 1
    cases.close()


def test_what_is_asked_for_sooner_is_written_first(data: Path) -> None:
    with StoredCases.open(data) as cases:
        for account in ("one", "two", "three"):
            cases.keep("model", account, case())
        cases.sooner("three")
        cases.sooner("nobody")
        assert cases.write(1) == 1
        with StoredCases.open(data) as again:
            assert again.case("model", "three") is not None
            assert again.case("model", "one") is None
