"""Logs as they are in real life: broken, doubled, out of order, of changing shapes, and larger than the memory."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import StoreError, UsageError
from moatkeeper.store.logs import parts as parts_module
from moatkeeper.store.logs import piece_reader, source
from moatkeeper.store.logs.base import LogForm
from moatkeeper.store.logs.faults import in_words
from moatkeeper.store.logs.gather import Gathering
from moatkeeper.store.logs.named import NamedColumns
from moatkeeper.store.logs.parts import Gathered, gathered
from moatkeeper.store.logs.piece_reader import Window
from tests.support.logs import START, calls, rows_of, write


class Read:
    """All of a log, as soon as it is made."""

    def __init__(self, file: Path, form: LogForm | None = None, window: Window | None = None) -> None:
        with Gathering() as gathering:
            gathering.read([file], form, window)
            self.tally = gathering.tally
            self.heaps = gathering.heaps
            self.parts: list[Gathered] = [
                one for heap in gathering.heaps for job in gathering.jobs(heap) for one in gathered(job)
            ]
            self.duplicates = sum(one.duplicates for one in self.parts)

    @property
    def words(self) -> str:
        """What people are told."""
        return "\n".join(in_words(self.tally, self.duplicates, {}))


def record(number: int, **changed: object) -> dict[str, object]:
    """A plain line of Moatkeeper's own log."""
    plain = {
        "moatkeeper": 1,
        "id": f"r{number}",
        "at": START + number,
        "account": "acme",
        "model": "m",
        "inputs": {"kind": "numbers", "rows": 1, "values": [[1.0, 2.0, float(number)]]},
        "outputs": [{"name": "p", "kind": "scores", "values": [[0.25, 0.75]]}],
    }
    return {**plain, **changed}


def file_of(folder: Path, *lines: object) -> Path:
    """A log of these lines; texts are written as they are."""
    file = folder / "log.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return file


def test_lines_in_any_order_give_the_same_rows(tmp_path: Path) -> None:
    file = write("moatkeeper", calls(200, 7), tmp_path)
    lines = file.read_text().splitlines()
    random.Random(1).shuffle(lines)
    file.write_text("\n".join(lines))
    read = Read(file)
    (one,) = read.parts
    assert one.batch.inputs is not None
    assert np.array_equal(one.batch.inputs, rows_of(calls(200, 7)))
    assert read.tally.backwards > 50
    assert "were put in the order of their time" in read.words


def test_doubled_lines_count_once_and_equal_requests_with_other_contents_twice(tmp_path: Path) -> None:
    lines = [record(1), record(2), record(1), record(2, at=START + 50), record(1, id="r9")]
    read = Read(file_of(tmp_path, *lines))
    (one,) = read.parts
    assert len(one.batch) == 4
    assert read.duplicates == 1
    assert one.totals.tolist() == [4]
    assert "1 rows were logged more than once" in read.words


def test_without_an_identity_each_line_is_an_exchange_of_its_own(tmp_path: Path) -> None:
    read = Read(file_of(tmp_path, record(1, id=""), record(1, id="")))
    assert len(read.parts[0].batch) == 2


def test_doubles_are_found_whichever_way_a_line_was_read(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    file_of(first, *(record(number) for number in range(5)))
    file_of(second, *(record(number) for number in range(5)), "broken")  # so that it is read line by line
    with Gathering() as gathering:
        gathering.read([first, second])
        (heap,) = gathering.heaps
        (one,) = [one for job in gathering.jobs(heap) for one in gathered(job)]
    assert len(one.batch) == 5
    assert one.duplicates == 5


def test_broken_lines_are_counted_and_the_first_named_by_line(tmp_path: Path) -> None:
    broken = [
        "{",
        "[1]",
        "null",
        record(3, at="yesterday"),
        record(4, inputs=7),
        record(5, inputs={"kind": "pictures", "rows": 1, "values": []}),
        record(6, inputs={"kind": "numbers", "rows": 2, "values": [[1.0]]}),
        record(7, inputs={"kind": "numbers", "rows": 2, "values": [[1.0], [1.0, 2.0]]}),
    ]
    read = Read(file_of(tmp_path, record(1), "", *broken, record(2)))
    assert read.tally.broken == len(broken)
    assert read.tally.exchanges == 2
    assert [fault.line for fault in read.tally.faults] == [3, 4, 5, 6, 7]
    assert "8 broken lines were left out, the first: " in read.words
    assert f"{tmp_path / 'log.jsonl'}:3: found a line that is no JSON" in read.words


def test_nothing_is_lost_without_a_word(tmp_path: Path) -> None:
    lines = [
        record(1),
        record(2, account="", key="k1"),
        record(3, account=""),
        record(4, inputs={"kind": "numbers", "rows": 0, "values": []}),
        record(5, at=START - 10_000),
        "{",
    ]
    read = Read(file_of(tmp_path, *lines), window=Window(since=START))
    tally = read.tally
    assert tally.lines == len(lines)
    assert tally.exchanges + tally.nobodys + tally.outside + tally.broken + sum(tally.passed.values()) == len(lines)
    assert (tally.exchanges, tally.nobodys, tally.outside, tally.broken) == (2, 1, 1, 1)
    assert sorted(name for one in read.parts for name in one.batch.names) == ["acme", "key k1"]
    for told in ("no rows were asked", "name no account", "neither account nor key nor address", "outside of the time"):
        assert told in read.words


def test_values_that_are_not_finite_are_kept_as_missing_or_infinite(tmp_path: Path) -> None:
    odd = '{"moatkeeper":1,"id":"n","at":1,"account":"a","model":"m","inputs":{"kind":"numbers","rows":1,"values":'
    read = Read(
        file_of(
            tmp_path,
            odd + "[[NaN,Infinity,-Infinity]]}}",
            record(1, inputs={"kind": "numbers", "rows": 1, "values": [[None, 1e400, "12"]]}),
        )
    )
    rows = np.concatenate([one.batch.inputs for one in read.parts if one.batch.inputs is not None])
    assert np.isnan(rows[:, 0]).all()
    assert sorted(rows[:, 1].tolist()) == [np.inf, np.inf]
    assert -np.inf in rows[:, 2]
    assert read.tally.broken == 0


def test_a_model_that_changes_its_shape_is_two_heaps_and_odd_answers_are_missing(tmp_path: Path) -> None:
    wide = {"kind": "numbers", "rows": 1, "values": [[1.0] * 5]}
    other = [{"name": "p", "kind": "scores", "values": [[0.2, 0.3, 0.5]]}]
    read = Read(file_of(tmp_path, *(record(number) for number in range(9)), record(10, inputs=wide), record(11, outputs=other)))
    assert [(heap.shape.split("-")[1], heap.rows) for heap in read.heaps] == [("3", 10), ("5", 1)]
    scores = read.parts[0].batch.scores
    assert scores is not None
    assert scores.shape == (10, 2)
    assert np.isnan(scores[-1]).all()


def test_categories_empty_texts_and_labels_in_words_become_numbers(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("user_id,ts,f0,f1,label\n007,5,1.5,red,yes\n007,6,,blue,no\n007,7,2,red,\n")
    (one,) = Read(file).parts
    assert one.batch.names == ("007",)
    assert one.batch.inputs is not None
    assert one.batch.labels is not None
    assert one.batch.inputs[0, 1] == one.batch.inputs[2, 1] != one.batch.inputs[1, 1]
    assert np.isnan(one.batch.inputs[1, 0])
    assert one.batch.labels[2] == -1
    assert one.batch.labels[0] != one.batch.labels[1]


def test_ragged_lines_of_a_table_are_named_by_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("user_id,ts,f0,f1\na,1,1,1\na,2,2\na,3,3,3\n")
    read = Read(file)
    assert read.tally.exchanges == 2
    assert [(fault.line, fault.why.startswith("found Expected Number of Columns")) for fault in read.tally.faults] == [
        (3, True)
    ]


def test_many_made_up_models_do_not_fill_the_disk(tmp_path: Path) -> None:
    read = Read(file_of(tmp_path, *(record(number, model=f"m{number}") for number in range(300))))
    assert len(read.heaps) == piece_reader.MOST_MODELS + 1
    assert sum(heap.rows for heap in read.heaps) == 300


def test_of_a_giant_account_the_first_rows_are_looked_at_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_module, "MOST_ROWS", 50)
    monkeypatch.setattr("moatkeeper.store.logs.engine._ROWS_AT_ONCE", 64)
    lines = [record(number) for number in range(400)] + [record(number, account="small") for number in range(10)]
    read = Read(file_of(tmp_path, *lines))
    names = [name for one in read.parts for name in one.batch.names]
    totals = [total for one in read.parts for total in one.totals.tolist()]
    assert dict(zip(names, totals, strict=True)) == {"acme": 400, "small": 10}
    assert sum(len(one.batch) for one in read.parts) == 60
    first = read.parts[0].batch
    assert first.at[first.accounts == first.names.index("acme")].tolist() == [START + number for number in range(50)]


def test_pieces_slices_and_processes_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("moatkeeper", calls(500, 23), tmp_path)
    whole = Read(file)
    monkeypatch.setattr(source, "PIECE_BYTES", 7_000)
    monkeypatch.setattr("moatkeeper.store.logs.gather.PART_BYTES", 30_000)
    monkeypatch.setattr("moatkeeper.store.logs.engine._ROWS_AT_ONCE", 50)
    cut = Read(file)
    assert cut.tally == whole.tally
    rows = {name: _rows(one, name) for one in cut.parts for name in one.batch.names}
    assert len(cut.parts) > len(whole.parts)
    assert {name: _rows(whole.parts[0], name).tolist() for name in whole.parts[0].batch.names} == {
        name: found.tolist() for name, found in rows.items()
    }


def _rows(one: Gathered, name: str) -> FloatArray:
    assert one.batch.inputs is not None
    found: FloatArray = one.batch.inputs[one.batch.accounts == one.batch.names.index(name)]
    return found


def test_the_engines_way_and_line_by_line_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        record(
            number,
            account=f"a{number % 5}",
            inputs={"kind": "numbers", "rows": 2, "values": [[1.5, None, number], [2, 3, 4]]},
            outputs=[{"name": "p", "kind": "scores", "values": [[0.25, 0.75], [0.5, 0.5]]}],
            tokens=7,
        )
        for number in range(40)
    ]
    file = file_of(tmp_path, *lines)
    short = Read(file)
    monkeypatch.setattr(piece_reader, "_typed", lambda job: None)
    long = Read(file)
    assert short.tally == long.tally
    for one, other in zip(short.parts, long.parts, strict=True):
        for name in ("accounts", "at", "requests", "inputs", "scores", "tokens"):
            assert np.array_equal(getattr(one.batch, name), getattr(other.batch, name), equal_nan=name == "inputs"), name
        assert one.batch.names == other.batch.names
        assert one.batch.room is None


def test_one_odd_line_takes_the_whole_piece_the_long_way(tmp_path: Path) -> None:
    read = Read(file_of(tmp_path, *(record(number) for number in range(20)), record(20, account=12)))
    assert sorted(name for one in read.parts for name in one.batch.names) == ["12", "acme"]
    assert read.tally.exchanges == 21


def test_files_that_are_not_there_or_not_whole_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found no such file"):
        Read(tmp_path / "nothing.jsonl")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match="found an empty folder"):
        Read(empty)
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b\x08\x00 not whole")
    with pytest.raises(StoreError, match=r"cut\.gz: found .*expected a file that can be read to its end"):
        Read(tmp_path / "cut.gz")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UsageError, match=r"bad\.parquet: found .*expected Parquet that can be read"):
        Read(tmp_path / "bad.parquet")


def test_a_log_of_nothing_but_broken_lines_is_no_crash(tmp_path: Path) -> None:
    read = Read(file_of(tmp_path, "{", "}"), NamedColumns.parse("account=a,at=b,inputs=c"))
    assert (read.tally.broken, read.heaps) == (2, ())


def test_the_temporary_folder_is_gone_afterwards(tmp_path: Path) -> None:
    with Gathering(tmp_path) as gathering:
        gathering.read([write("moatkeeper", calls(), tmp_path)])
        assert any(gathering.folder.iterdir())
    assert not gathering.folder.exists()
