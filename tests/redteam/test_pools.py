from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moatkeeper.errors import UsageError
from moatkeeper.redteam.pools import read_contexts, read_rows, read_texts, split_rows, split_texts


def file(folder: Path, text: str, name: str = "pool.csv") -> str:
    """A file with this text."""
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_csv_is_read_with_and_without_names_and_its_outcomes_taken_out(tmp_path: Path) -> None:
    bare = read_rows(file(tmp_path, "1,2\n3,4.5\n"))
    assert (bare.rows.tolist(), bare.columns) == ([[1.0, 2.0], [3.0, 4.5]], ())
    named = read_rows(file(tmp_path, "\ufeffage,bad,income\n1,0,2\n\n3,1,4\n"), "bad")
    assert named.rows.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert named.columns == ("age", "income")
    assert named.outcomes.tolist() == [0.0, 1.0]


def test_arrays_are_read_and_images_flattened(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(12).reshape(3, 2, 2))
    assert read_rows(str(tmp_path / "a.npy")).rows.shape == (3, 4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no rows"),
        ("a,b\n", "shape"),
        ("1,2\n3\n", "line 2 has 1 cells, expected 2"),
        ("1,2\n3,x\n", "could not convert"),
        ("1,nan\n", "NaN"),
    ],
)
def test_a_file_that_is_wrong_is_refused_and_says_where(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_rows(file(tmp_path, text))


def test_files_that_are_missing_or_hold_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    for name in ("o.npy", "none.npy", "none.csv"):
        with pytest.raises(UsageError):
            read_rows(str(tmp_path / name))
    with pytest.raises(UsageError, match="no column 'bad'"):
        read_rows(file(tmp_path, "a,b\n1,2\n"), "bad")


def test_one_file_is_divided_and_two_must_have_the_same_columns(tmp_path: Path) -> None:
    one = file(tmp_path, "\n".join(f"{number},{number}" for number in range(10)))
    split = split_rows(one)
    assert sorted([*split.pool.rows[:, 0], *split.held_out.rows[:, 0]]) == list(range(10))
    assert len(split.pool.rows) == 5
    assert len(split_rows(one, one).held_out.rows) == 10
    with pytest.raises(UsageError, match="found 1 columns, expected the 2"):
        split_rows(one, file(tmp_path, "1\n2\n", "other.csv"))
    with pytest.raises(UsageError):
        split_rows(file(tmp_path, "1,2\n", "single.csv"))


def test_builtin_rows_come_with_their_outcomes() -> None:
    split = split_rows("builtin:iris")
    assert split.pool.rows.shape == (50, 4)
    assert set(split.held_out.outcomes) == {0.0, 1.0, 2.0}


def test_texts_and_contexts_are_one_a_line(tmp_path: Path) -> None:
    path = file(tmp_path, "one\n\n two \n", "t.txt")
    assert read_texts(path) == ["one", " two "]
    assert split_texts(["a", "b"], ["c"]) == (["a", "b"], ["c"])
    mine, held = split_texts(["a", "b", "c", "d"], [])
    assert sorted([*mine, *held]) == ["a", "b", "c", "d"]
    assert read_contexts(file(tmp_path, "[1, 2]\n[3]\n", "c.jsonl")) == [(1, 2), (3,)]
    for wrong in ("[1, x]", "{}", "[]", "[-1]", "[true]", "3"):
        with pytest.raises(UsageError, match=r"c\.jsonl:1"):
            read_contexts(file(tmp_path, wrong, "c.jsonl"))
    for missing in (str(tmp_path / "none"), file(tmp_path, "\n \n", "empty.txt")):
        with pytest.raises(UsageError):
            read_texts(missing)
