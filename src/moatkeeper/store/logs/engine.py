"""The embedded engine: DuckDB parses tables, spills columns to disk by model and account, and sorts them in bounded memory.

The only module that imports it. Every process has an engine of its own, with its own limit of memory and folder to spill to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from moatkeeper.errors import MissingExtra, StoreError, UsageError
from moatkeeper.store.logs.sheet import Table
from moatkeeper.store.logs.source import LONGEST_LINE, FileKind

try:
    import duckdb
except ImportError:
    duckdb = None  # type: ignore[assignment]  # an optional dependency; ``Engine`` says how to install it

Columns: TypeAlias = dict[str, npt.NDArray[Any]]
"""Columns as the engine returns them: numbers, or objects (texts and bytes)."""

ROWS = "rows"
"""The folder of spilled rows, under which ``model=``, ``shape=`` and ``part=``."""
SEEN = "seen"
"""The folder of what accounts were seen with, under which ``part=``."""
_CONTENTS = ("text", "inputs", "scores")
_ORDER = 'account, "at", request, place, content'
_ROWS_AT_ONCE = 200_000  # of a sorted part that are in memory as arrays; larger: fewer, bigger steps
_LEAST_MB = 128
_READERS = {
    FileKind.PARQUET: "SELECT * FROM read_parquet('{path}')",
    FileKind.CSV: "SELECT * FROM read_csv('{path}', header=true, all_varchar=true, store_rejects=true, rejects_limit=0)",
    FileKind.ARRAY: "SELECT json AS record FROM read_json_objects('{path}', format='array', maximum_object_size="
    + f"{LONGEST_LINE})",
}


class Engine:
    """A DuckDB of one process. Close it, or use it as a context."""

    def __init__(self, folder: Path, memory_mb: int, threads: int = 1) -> None:
        if duckdb is None:
            raise MissingExtra("duckdb is not installed, which reads and sorts logs", hint="pip install 'moatkeeper[hunt]'")
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(
            config={
                "memory_limit": f"{max(memory_mb, _LEAST_MB)}MB",
                "threads": threads,
                "temp_directory": str(folder),
                "preserve_insertion_order": True,
                "autoinstall_known_extensions": False,  # nothing is fetched from anywhere
                "autoload_known_extensions": False,
            }
        )
        self._connection.execute("SET enable_progress_bar = false")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def as_lines(self, path: Path, kind: FileKind, target: Path) -> list[tuple[int, str]]:
        """Writes a table or an array as lines of JSON; returns the lines of the file that are broken, and why.

        Raises UsageError for a file that is not what it looks like.
        """
        query = _READERS[kind].format(path=quoted(path))
        try:
            self._connection.execute(f"COPY ({query}) TO '{quoted(target)}' (FORMAT json)").fetchall()
            if kind is not FileKind.CSV:
                return []
            found = self._connection.execute("SELECT DISTINCT line, error_message FROM reject_errors ORDER BY line").fetchall()
        except duckdb.Error as error:
            raise UsageError(f"{path}: found {_first_line(error)}, expected {kind.value} that can be read") from error
        return [(int(line), _first_line(why)) for line, why in found]

    def spill(self, table: Table, folder: Path, name: str, parts: int) -> None:
        """Appends rows to the spilled ones, each part of the accounts in files of its own; ``name`` must be new."""
        self.give(table)
        self.spill_rows("SELECT * FROM given", list(table), folder, name, parts)

    def spill_rows(self, source: str, columns: list[str], folder: Path, name: str, parts: int) -> None:
        """The same for the rows of a query. ``request`` becomes a number, and what was asked and answered has a checksum."""
        contents = ["at", *sorted(column for column in columns if column in _CONTENTS or column[1:].isdecimal())]
        kept = [column for column in columns if column not in ("request", "line")]
        self.copy(
            f"SELECT {named(*kept)}, hash(account) % {parts} AS part, hash({named(*contents)}) AS content,"
            f" CASE WHEN request = '' THEN line ELSE (hash(request) >> 1)::BIGINT END AS request FROM ({source})",
            folder / ROWS,
            "model, shape, part",
            name,
        )

    def spill_seen(self, source: str, folder: Path, name: str, parts: int) -> None:
        """Appends what accounts were seen with."""
        query = "SELECT DISTINCT account, organisation, key, address, agent"
        self.copy(f"{query}, hash(account) % {parts} AS part FROM ({source})", folder / SEEN, "part", name)

    def copy(self, query: str, target: Path, by: str, name: str) -> None:
        """Appends the rows of a query to a folder of Parquet files."""
        self.run(
            f"COPY ({query}) TO '{quoted(target)}' (FORMAT parquet, COMPRESSION lz4, PARTITION_BY ({by}),"
            f" OVERWRITE_OR_IGNORE, FILENAME_PATTERN '{name}_{{i}}')"
        )

    def joined(self, halves: Path, target: Path, question: str, reply: str) -> None:
        """Lines of records made of two spilled halves with one id; a half without the other stands alone.

        ``halves`` are files of Parquet with half, id, number and text. Equal halves (an event delivered twice) count once.
        """
        source = f"(SELECT half, id, text, min(number) AS number FROM read_parquet('{quoted(halves)}/*.parquet') GROUP BY ALL)"
        self.run(
            f"COPY (SELECT q.text::JSON AS {question}, r.text::JSON AS {reply}"
            f" FROM (SELECT * FROM {source} WHERE half = '{question}') q"
            f" FULL JOIN (SELECT * FROM {source} WHERE half = '{reply}') r USING (id)"
            f" ORDER BY coalesce(q.number, r.number)) TO '{quoted(target)}' (FORMAT json)"
        )

    def keep(self, table: Table, file: Path) -> None:
        """Writes columns to one Parquet file."""
        self.give(table)
        self.run(f"COPY (SELECT * FROM given) TO '{quoted(file)}' (FORMAT parquet, COMPRESSION lz4)")

    def sorted_rows(self, files: Path) -> Iterator[tuple[Columns, bool]]:
        """Spilled rows by account, then time, a slice of at most _ROWS_AT_ONCE after another, and whether it is the last."""
        source = f"read_parquet('{quoted(files)}', hive_partitioning=false, union_by_name=true)"
        count = self.one(f"SELECT count(*) FROM {source}")
        if count <= _ROWS_AT_ONCE:
            yield self.columns(f"SELECT * FROM {source} ORDER BY {_ORDER}"), True
            return
        self.run(f"CREATE OR REPLACE TEMP TABLE sorted_rows AS SELECT * FROM {source} ORDER BY {_ORDER}")
        for start in range(0, count, _ROWS_AT_ONCE):
            inside = f"rowid >= {start} AND rowid < {start + _ROWS_AT_ONCE}"
            yield self.columns(f"SELECT * FROM sorted_rows WHERE {inside} ORDER BY rowid"), start + _ROWS_AT_ONCE >= count
        self.run("DROP TABLE sorted_rows")

    def seen_with(self, files: Path) -> Columns:
        """What accounts were seen with, each combination once, sorted."""
        source = f"read_parquet('{quoted(files)}', hive_partitioning=false)"
        return self.columns(f"SELECT DISTINCT account, organisation, key, address, agent FROM {source} ORDER BY ALL")

    def give(self, table: Table) -> None:
        """Lets later queries call a table ``given``."""
        self._connection.register("given", table)

    def run(self, query: str) -> None:
        """Runs a query; raises StoreError."""
        try:
            self._connection.execute(query).fetchall()
        except duckdb.Error as error:
            raise StoreError(
                f"the temporary folder: found {_first_line(error)}, expected room to sort the log in",
                hint="name another folder with --temporary, or give more with --memory",
            ) from error

    def accepts(self, query: str) -> bool:
        """Whether a query over data of unknown quality could be run."""
        try:
            self._connection.execute(query).fetchall()
        except duckdb.Error:
            return False
        return True

    def one(self, query: str) -> int:
        """The whole number that a query gives; 0 for nothing."""
        found = self._connection.execute(query).fetchall()
        return int(found[0][0] or 0)

    def columns(self, query: str) -> Columns:
        """The columns that a query gives."""
        found = self._connection.execute(query).fetchnumpy()
        return {name: _without_mask(np.ma.asanyarray(column)) for name, column in found.items()}


def named(*columns: str) -> str:
    """Columns as SQL."""
    return ", ".join('"' + column.replace('"', '""') + '"' for column in columns)


def quoted(path: Path) -> str:
    """A path inside of quotes of SQL."""
    return str(path).replace("'", "''")


def _without_mask(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column whose missing values are None (objects), NaN or -1; the engine's are masked."""
    if not isinstance(column, np.ma.MaskedArray):
        return column
    if not np.ma.is_masked(column):
        return np.asarray(column.data)
    if column.dtype == object:
        plain = np.asarray(column.data).copy()
        plain[np.ma.getmaskarray(column)] = None
        return plain
    return np.asarray(column.filled(np.nan if column.dtype.kind == "f" else -1))


def _first_line(error: object) -> str:
    return str(error).split("\n", 1)[0]
