"""Files as records: what kind of file it is, where it may be cut, and its JSON objects with their line numbers.

Lines of JSON are read as they are, cut into pieces by bytes. Tables (CSV, Parquet) and JSON arrays are first written as lines
of JSON into the temporary folder by the embedded engine, which has the parsers; compressed lines are read in one piece.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import orjson

from moatkeeper.errors import StoreError, UsageError
from moatkeeper.store.logs.base import Record, Unreadable

PIECE_BYTES = 32 << 20
"""Of a file that are read by one process in one go; larger: fewer pieces, later progress."""
LONGEST_LINE = 64 << 20
"""Bytes; a line that is longer is broken: it must not fill the memory."""
SAMPLED = 50  # records by which a file's form is recognised
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_HEAD_BYTES = 4_096


class FileKind(StrEnum):
    """How a file holds its records."""

    LINES = "lines"
    GZIPPED = "gzipped lines"
    ARRAY = "JSON array"
    PARQUET = "Parquet"
    CSV = "CSV"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file of lines; ``source`` and ``line_offset`` say where its first line stands in the log as it was given."""

    source: str
    path: Path
    start: int
    end: int
    gzipped: bool = False
    wrapped: bool = False  # each line is {"record": {...}}


class Line(NamedTuple):
    """One line of a piece: its number in the piece from 0 on, its bytes without the end, and whether it is whole."""

    number: int
    content: bytes
    whole: bool


def kind_of(path: Path) -> FileKind:
    """By the first bytes; raises UsageError for a file that cannot be read."""
    head = _head(path)
    if head.startswith(_PARQUET):
        return FileKind.PARQUET
    if head.startswith(_GZIP):
        return FileKind.GZIPPED
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"["):
        return FileKind.ARRAY
    return FileKind.CSV if text and not text.startswith(b"{") and path.suffix.lower() in (".csv", ".tsv") else FileKind.LINES


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: found {error.strerror or error}, expected a readable log") from error


def pieces(source: str, path: Path, *, gzipped: bool = False, wrapped: bool = False) -> list[Piece]:
    """A file of lines, cut; a compressed one is one piece."""
    size = path.stat().st_size
    if gzipped:
        return [Piece(source, path, 0, size, gzipped, wrapped)]
    count = max(1, -(-size // PIECE_BYTES))
    edges = [size * place // count for place in range(count + 1)]
    return [Piece(source, path, edges[i], edges[i + 1], gzipped, wrapped) for i in range(count)]


def lines(piece: Piece) -> Iterator[Line]:
    """The lines that begin in a piece; raises StoreError where the file cannot be read to its end."""
    try:
        with gzip.open(piece.path) if piece.gzipped else piece.path.open("rb") as file:
            yield from _lines(piece, file)  # type: ignore[arg-type]  # both read bytes line by line
    except (OSError, EOFError) as error:
        raise StoreError(f"{piece.source}: found {error}, expected a file that can be read to its end") from error


def _lines(piece: Piece, file: BufferedReader) -> Iterator[Line]:
    if piece.start and not piece.gzipped:
        file.seek(piece.start - 1)
        _skip(file)
    position = file.tell()
    number = 0
    while piece.gzipped or position < piece.end:
        content = file.readline(LONGEST_LINE)
        if not content:
            return
        position += len(content)
        whole = len(content) < LONGEST_LINE or content.endswith(b"\n")
        if not whole:
            _skip(file)
            position = file.tell()
        yield Line(number, content, whole)
        number += 1


def _skip(file: BufferedReader) -> None:
    """To the beginning of the next line."""
    while True:
        content = file.readline(LONGEST_LINE)
        if not content or content.endswith(b"\n"):
            return


def record_of(content: bytes, *, whole: bool = True, wrapped: bool = False) -> Record | None:
    """The object in a line; None for an empty line; raises Unreadable."""
    if not whole:
        raise Unreadable(f"found a line of more than {LONGEST_LINE >> 20} MB, expected a JSON object")
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        if not content.strip():
            return None
        found = _loose(content, error)
    if wrapped and type(found) is dict:
        found = found.get("record")
    if type(found) is not dict:
        raise Unreadable("found a line that is no JSON object")
    return found


def _loose(content: bytes, error: orjson.JSONDecodeError) -> object:
    """JSON with NaN and Infinity, as Python and DuckDB write it; raises Unreadable."""
    if b"NaN" in content or b"Infinity" in content:
        try:
            found = json.loads(content)
            json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text that the engine takes
            return found
        except (ValueError, RecursionError):
            pass
    raise Unreadable(f"found a line that is no JSON ({error})")


def copied(piece: Piece, target: Path) -> int:
    """Writes the lines of a piece to a file of their own; returns how many there are."""
    count = 0
    with target.open("wb") as file:
        for line in lines(piece):
            file.write(line.content)
            count += 1
    return count


def sample(piece: Piece, count: int = SAMPLED) -> list[Record]:
    """The first readable records."""
    found: list[Record] = []
    for line in lines(piece):
        try:
            record = record_of(line.content, whole=line.whole, wrapped=piece.wrapped)
        except Unreadable:
            record = None
        if record is not None:
            found.append(record)
        if len(found) >= count or line.number >= SAMPLED * 20:
            break
    return found
