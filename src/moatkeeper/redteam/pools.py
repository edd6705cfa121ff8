"""What a thief brings along, read from files: rows as CSV or numpy arrays, texts and prompts by the line, contexts as JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.datasets import Part, builtin

BUILTIN = "builtin:"
POOL_SHARE = 0.5  # of a single file's rows; the rest is held out
SPLIT_SEED = 20_260_103


def _no_outcomes() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows (n, d) with the names of their columns where the file gives them, and outcomes (n,) where it has them."""

    rows: FloatArray
    columns: tuple[str, ...] = ()
    outcomes: FloatArray = field(default_factory=_no_outcomes)

    def __getitem__(self, chosen: npt.NDArray[np.intp]) -> Rows:
        return Rows(self.rows[chosen], self.columns, self.outcomes[chosen] if len(self.outcomes) else self.outcomes)


def read_rows(source: str, outcome: str = "") -> Rows:
    """The rows of a .csv or .npy file; raises UsageError that says where it is wrong.

    ``outcome`` names the column that holds what became of each row: it is no input, and is told to the judge only.
    """
    path = Path(source)
    try:
        if path.suffix == ".npy":
            found = Rows(np.asarray(np.load(path, allow_pickle=False), dtype=np.float64))
        else:
            found = _of_csv(path)
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror or error}", hint="Rows are a .csv or .npy file, or builtin:digits."
        ) from error
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path}: {error}", hint="Every cell must be a number; a first line may name the columns.") from error
    if found.rows.ndim < 2 or found.rows.size == 0:
        raise UsageError(f"{path}: found an array of shape {found.rows.shape}, expected rows of numbers")
    if not np.isfinite(found.rows).all():
        raise UsageError(f"{path}: found NaN or an infinity, expected numbers")
    rows = Rows(found.rows.reshape(len(found.rows), -1), found.columns)
    return _without_outcome(path, rows, outcome) if outcome else rows


def _of_csv(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.reader(file) if line]
    if not lines:
        raise ValueError("found no rows")
    names = () if _is_number(lines[0][0]) else tuple(lines[0])
    body = lines[1:] if names else lines
    width = len(lines[0])
    for number, line in enumerate(body, start=1 + bool(names)):
        if len(line) != width:
            raise ValueError(f"line {number} has {len(line)} cells, expected {width}")
    return Rows(np.array(body, dtype=np.float64), names)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _without_outcome(path: Path, rows: Rows, outcome: str) -> Rows:
    if outcome not in rows.columns:
        named = ", ".join(rows.columns) or "none, for the file names no columns"
        raise UsageError(f"{path}: found no column {outcome!r}", hint=f"Its columns: {named}.")
    place = rows.columns.index(outcome)
    kept = tuple(name for name in rows.columns if name != outcome)
    return Rows(np.delete(rows.rows, place, axis=1), kept, rows.rows[:, place])


@dataclass(frozen=True, slots=True)
class Split:
    """What the thief has, and what only the harness has."""

    pool: Rows
    held_out: Rows


def split_rows(pool: str, held_out: str = "", outcome: str = "") -> Split:
    """Both parts: from two files, from one that is divided, or from ``builtin:NAME``; raises UsageError where they differ."""
    if pool.startswith(BUILTIN):
        parts = builtin(pool.removeprefix(BUILTIN))
        return Split(_of_part(parts.pool), read_rows(held_out, outcome) if held_out else _of_part(parts.held_out))
    mine = read_rows(pool, outcome)
    if not held_out:
        if len(mine.rows) < 2:
            raise UsageError(f"{pool}: found one row, expected rows for the thief and rows to judge by")
        first, rest = halves(len(mine.rows))
        return Split(mine[first], mine[rest])
    theirs = read_rows(held_out, outcome)
    if mine.rows.shape[1] != theirs.rows.shape[1] or (mine.columns and theirs.columns and mine.columns != theirs.columns):
        raise UsageError(
            f"{held_out}: found {theirs.rows.shape[1]} columns, expected the {mine.rows.shape[1]} of {pool}, in their order"
        )
    return Split(mine, theirs)


def _of_part(part: Part) -> Rows:
    return Rows(part.rows, (), part.outcomes)


def halves(count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The indexes of the thief's part and of the held-out part."""
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    cut = max(1, min(count - 1, round(POOL_SHARE * count)))
    return order[:cut], order[cut:]


def read_texts(source: str) -> list[str]:
    """The texts of a file, one a line, empty lines left out; raises UsageError where there are none."""
    try:
        lines = Path(source).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source}: {error}", hint="Texts are a file in UTF-8 with one text a line.") from error
    found = [line for line in lines if line.strip()]
    if not found:
        raise UsageError(f"{source}: found no text", hint="Texts are a file in UTF-8 with one text a line.")
    return found


def read_contexts(source: str) -> list[tuple[int, ...]]:
    """Contexts of token numbers: a JSON list a line; raises UsageError that names the line."""
    contexts = []
    for number, line in enumerate(read_texts(source), start=1):
        try:
            found = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{source}:{number}: {error}", hint="A context is a JSON list of token numbers.") from error
        if not isinstance(found, list) or not found or not all(type(token) is int and token >= 0 for token in found):
            raise UsageError(f"{source}:{number}: found {line[:40]!r}, expected a list of token numbers such as [1, 5, 7]")
        contexts.append(tuple(found))
    return contexts


def split_texts(texts: Sequence[str], held_out: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The thief's and the held-out texts; one list is divided."""
    if held_out:
        return texts, held_out
    first, rest = halves(len(texts))
    return [texts[index] for index in first], [texts[index] for index in rest]
