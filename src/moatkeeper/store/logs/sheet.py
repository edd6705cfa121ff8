"""Entries as columns: whole arrays of rows of one model and one shape of input, ready to be spilled."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.hashing import category_number
from moatkeeper.store.logs.base import Entry, count_of

Table = dict[str, npt.NDArray[Any]]
"""Columns by name, of one length: numbers, or objects (texts and bytes)."""
Objects = npt.NDArray[np.object_]

TEXTS, NOTHING = "texts", "nothing"
"""Shapes without numbers; others are ``numbers-<width>-<checksum of the column names>``."""
NARROW = 64
"""Rows with at most so many numbers are a column each, ``i0``, ``i1``, ... (answers ``s0``, ...); wider ones are bytes."""
_CELL_BYTES = 8
_LARGEST_LABEL = 1 << 51  # from here on are the numbers of categories


@dataclass(slots=True)
class Heap:
    """Rows of one model and one shape: how many, what they have, and how many rows have answers of which width."""

    model: str
    shape: str
    folder: str
    columns: tuple[str, ...]
    rows: int = 0
    has: set[str] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    first_at: float = float("inf")  # UTC seconds
    last_at: float = float("-inf")

    def add(self, other: Heap) -> None:
        """Adds the rows of another piece."""
        self.rows += other.rows
        self.has |= other.has
        self.answers += other.answers
        self.first_at = min(self.first_at, other.first_at)
        self.last_at = max(self.last_at, other.last_at)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Exchanges of one model and shape, with a number of the line that each stood in, no two the same."""

    model: str
    shape: str
    accounts: Sequence[str]
    entries: Sequence[Entry]
    numbers: IntArray

    def table(self) -> tuple[Heap, Table]:
        """All columns as arrays, and what is in them."""
        by_name = dict(zip(Entry._fields, zip(*self.entries, strict=True), strict=True))
        rows = np.array(by_name["rows"], dtype=np.int64)
        count = int(rows.sum())
        heap = Heap(self.model, self.shape, folder_name(self.model), self.entries[0].columns, count)
        table: Table = {
            "model": np.full(count, heap.folder, dtype=object),
            "shape": np.full(count, self.shape, dtype=object),
            "account": _each(objects(self.accounts), rows),
            "at": _each(np.array(by_name["at"], dtype=np.float64), rows),
            "request": _each(objects(plain_texts(by_name["request"])), rows),
            "line": _each(self.numbers, rows),
            "place": np.arange(count) - np.repeat(np.cumsum(rows) - rows, rows),
        }
        heap.first_at, heap.last_at = float(table["at"].min()), float(table["at"].max())
        for name in ("turns", "tokens"):
            self._add(heap, table, name, _each(_counts(by_name[name]), rows))
        for name in ("room", "released"):
            self._add(heap, table, name, _each(numbers_of([[value] for value in by_name[name]], 1)[:, 0], rows))
        labels = by_name["labels"]
        if any(label is not None for label in labels):
            self._add(heap, table, "label", label_numbers(list(_opened(labels, rows))))
        scores = by_name["scores"]
        if any(score is not None for score in scores):
            heap.has.add("scores")
            self._add_scores(heap, table, list(_opened(scores, rows)))
        stages = by_name["stages"]
        if any(stage is not None for stage in stages):
            heap.has.add("stages")
            opened = [() if stage is None else stage for stage in _opened(stages, rows)]
            wide = max(map(len, opened))
            padded = numbers_of([[*stage, *[None] * (wide - len(stage))] for stage in opened], wide)
            table |= {f"g{place}": np.ascontiguousarray(column) for place, column in enumerate(padded.T)}
        self._add_inputs(heap, table, by_name, rows)
        return heap, table

    def _add(self, heap: Heap, table: Table, name: str, column: npt.NDArray[Any]) -> None:
        """A column of numbers, unless there is nothing in it: -1 or NaN all over."""
        if bool((column >= 0).any()):
            heap.has.add(name)
            table[name] = column

    def _add_scores(self, heap: Heap, table: Table, scores: list[Sequence[object] | None]) -> None:
        """Answers as columns, or as bytes where they are wide; rows of another width than the widest are NaN beyond theirs."""
        widths = np.array([-1 if score is None else len(score) for score in scores], dtype=np.int32)
        heap.answers.update(widths[widths >= 0].tolist())
        table["width"] = widths
        most = int(widths.max())
        found = np.full((len(scores), most), np.nan)
        for width in np.unique(widths[widths >= 0]).tolist():
            there = np.flatnonzero(widths == width)
            found[there, :width] = numbers_of([scores[place] or () for place in there.tolist()], width)
        if most > NARROW:
            table["scores"] = _blobs(found)
        else:
            table |= {f"s{place}": np.ascontiguousarray(column) for place, column in enumerate(found.T)}

    def _add_inputs(self, heap: Heap, table: Table, by_name: Mapping[str, Sequence[Any]], rows: IntArray) -> None:
        if self.shape == TEXTS:
            table["text"] = objects(list(chain.from_iterable(by_name["texts"])))
            if any(by_name["system"]):
                heap.has.add("system")
                table["system"] = _each(objects(plain_texts(by_name["system"])), rows)
        elif self.shape != NOTHING:
            cells = list(chain.from_iterable(by_name["numbers"]))
            numbers = numbers_of(cells, len(cells[0]))
            if numbers.shape[1] > NARROW:
                table["inputs"] = _blobs(numbers)
            else:
                table |= {f"i{place}": np.ascontiguousarray(column) for place, column in enumerate(numbers.T)}


def shape_of(entry: Entry) -> str:
    """What tells rows that can stand in one array from those that cannot."""
    if entry.numbers is not None:
        return numbers_shape(len(entry.numbers[0]), entry.columns)
    return TEXTS if entry.texts is not None else NOTHING


def numbers_shape(width: int, columns: tuple[str, ...]) -> str:
    """The shape of rows of so many numbers."""
    return f"numbers-{width}-{zlib.crc32('|'.join(columns).encode('utf-8', 'surrogatepass')):08x}"


def folder_name(model: str) -> str:
    """A model's name as a name of a folder."""
    raw = model.encode("utf-8", "surrogatepass")
    return f"{zlib.crc32(raw):08x}{zlib.adler32(raw):08x}"


def plain_texts(values: Sequence[object]) -> Sequence[str]:
    """Texts as they are; numbers as text, and nothing as the empty text."""
    if set(map(type, values)) <= {str}:
        return values  # type: ignore[return-value]  # all of them are texts
    return [value if type(value) is str else "" if value is None else str(value) for value in values]


def numbers_of(rows: Sequence[Sequence[object]], width: int) -> FloatArray:
    """Rows of numbers, shape (n, width): missing cells are NaN, texts that are no numbers the numbers of their categories."""
    if not rows:
        return np.empty((0, width))
    try:
        found = np.array(rows, dtype=np.float64)
        if found.shape == (len(rows), width):
            return found
    except (ValueError, TypeError, OverflowError):
        pass
    columns = [_column([row[place] for row in rows]) for place in range(width)]
    return np.stack(columns, axis=1) if columns else np.empty((len(rows), 0))


def _column(cells: list[object]) -> FloatArray:
    try:
        found = np.array(cells, dtype=np.float64)
        if found.ndim == 1:
            return found
    except (ValueError, TypeError, OverflowError):
        pass
    known: dict[object, float] = {}
    return np.array([_cell(cell, known) for cell in cells], dtype=np.float64)


def _cell(cell: object, known: dict[object, float]) -> float:
    if cell is None or cell == "":
        return np.nan
    if isinstance(cell, str) and cell in known:
        return known[cell]
    try:
        number = float(cell)  # type: ignore[arg-type]  # anything that JSON has: what is no number raises
    except (ValueError, TypeError, OverflowError):
        number = category_number(str(cell))
    if isinstance(cell, str):
        known[cell] = number
    return number


def label_numbers(labels: Sequence[object]) -> IntArray:
    """Classes as they are, other labels as the numbers of their categories, shape (n,); -1 where there is none."""
    known: dict[object, int] = {None: -1}
    return np.array([known[one] if one in known else _label(one, known) for one in map(_plain, labels)], dtype=np.int64)


def _plain(label: object) -> object:
    return label if isinstance(label, str | int | float | None) else str(label)


def _label(label: object, known: dict[object, int]) -> int:
    text = str(label).strip()
    number = int(category_number(text)) if text else -1
    try:
        value = float(text)
        if value == int(value) and 0 <= value < _LARGEST_LABEL:
            number = int(value)
    except (ValueError, OverflowError):
        pass
    known[label] = number
    return number


def objects(values: Sequence[object]) -> Objects:
    """Any values as an array of objects, shape (n,)."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _each(column: npt.NDArray[Any], rows: IntArray) -> npt.NDArray[Any]:
    """A column of exchanges as one of rows."""
    return column if len(rows) and rows.max() == 1 else np.repeat(column, rows)


def _opened(values: Sequence[Sequence[object] | None], rows: IntArray) -> Iterable[Any]:
    """The values of rows from those of exchanges; None for each row of an exchange that has none."""
    return chain.from_iterable(
        repeat(None, count) if value is None else value for value, count in zip(values, rows.tolist(), strict=True)
    )


def _counts(values: Sequence[object]) -> IntArray:
    if set(map(type, values)) <= {int}:
        return np.clip(np.array(values, dtype=np.float64), -1, 2**31).astype(np.int64)
    return np.array([count_of(value) for value in values], dtype=np.int64)


def _blobs(numbers: FloatArray) -> Objects:
    raw, size = numbers.tobytes(), numbers.shape[1] * _CELL_BYTES
    if size == 0:
        return objects([b""] * len(numbers))
    return objects([raw[start : start + size] for start in range(0, len(raw), size)])
