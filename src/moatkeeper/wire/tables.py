"""CSV tables on the wire: parsed once, and written again from what was parsed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from moatkeeper.core.query import FloatArray

Cells = list[list[str]]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-nan", "<na>", "#n/a", "#na"})
"""Spellings of a missing cell, in lower case, as pandas reads them; no number, but nothing impossible either."""


class TableFault(ValueError):
    """A table is not one; whoever reads it knows whether the client or the server is to blame."""


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a table. ``headed`` says that the first line holds names rather than values."""

    lines: Cells
    headed: bool

    @property
    def rows(self) -> Cells:
        """The lines without the names."""
        return self.lines[1:] if self.headed else self.lines


def read_table(body: bytes) -> Table:
    """The table in a CSV body; raises TableFault for other bytes than UTF-8, for ragged lines and infinite numbers."""
    try:
        text = body.decode()
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except (UnicodeDecodeError, csv.Error):
        raise TableFault("the body is not a CSV table in UTF-8") from None
    if not lines:
        raise TableFault("the table is empty")
    if len(set(map(len, lines))) != 1:
        raise TableFault("the lines of the table differ in length")
    if any(_is_infinite(cell) for line in lines for cell in line):
        raise TableFault("the table holds infinite numbers")
    # With a number in it the first line is taken for values, so that no number ever passes for a name.
    return Table(lines, headed=all(number(cell) is None and cell.strip().lower() not in MISSING for cell in lines[0]))


def _is_infinite(cell: str) -> bool:
    value = number(cell)
    return value is not None and not isfinite(value) and cell.strip().lower() not in MISSING


def number(cell: str) -> float | None:
    """The number in a cell, or None; underscores are Python's own and no number elsewhere."""
    if "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def write_table(lines: Iterable[Sequence[str]]) -> bytes:
    """The CSV bytes of some lines."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue().encode()


def numeric_columns(rows: Cells) -> list[int]:
    """The columns of measured numbers: all cells are numbers, at least one with a fraction or an exponent."""
    return [index for index, cells in enumerate(zip(*rows, strict=True)) if _is_measured(cells)]


def _is_measured(cells: tuple[str, ...]) -> bool:
    """Whether a column holds numbers that are not whole; missing cells among them are for the caller to refuse."""
    values = [cell for cell in cells if cell.strip().lower() not in MISSING]
    return any(number(cell) is not None and not _is_whole(cell) for cell in values)


def _is_whole(cell: str) -> bool:
    return cell.strip().lstrip("+-").isdigit()


def take(rows: Cells, columns: list[int]) -> FloatArray:
    """The numbers of some columns, shape (n, len(columns)); raises TableFault for cells that are no finite numbers."""
    try:
        array = np.array([[float(row[index]) for index in columns] for row in rows], dtype=np.float64)
    except ValueError:
        raise TableFault("a column mixes numbers with other cells") from None
    if not np.isfinite(array).all():
        raise TableFault("the table holds NaN")
    return array


def put(rows: Cells, columns: list[int], values: FloatArray) -> Cells:
    """The rows with other numbers in some columns."""
    written = [list(row) for row in rows]
    for row, numbers in zip(written, values.tolist(), strict=True):
        for index, value in zip(columns, numbers, strict=True):
            row[index] = repr(value)
    return written
