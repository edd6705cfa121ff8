"""Logs gathered: read by several processes, spilled by model and account, and given back sorted, each exchange once.

Memory is bounded whatever the size of the log: a process holds some ten thousand rows as values, the engine sorts within its
limit, and batches are of whole accounts of which the first rows are kept (parts.py). Disk is not bounded: the temporary folder
holds the log about once more, and tables and compressed logs twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from moatkeeper.errors import StoreError, UsageError
from moatkeeper.store.logs.base import LogForm
from moatkeeper.store.logs.engine import Engine
from moatkeeper.store.logs.faults import Fault, Tally, summed
from moatkeeper.store.logs.kserve import QUESTION, REPLY, KServeEvents
from moatkeeper.store.logs.parts import PartJob
from moatkeeper.store.logs.piece_reader import Done, Heaps, Job, Window, read_halves, read_piece
from moatkeeper.store.logs.registry import form_of
from moatkeeper.store.logs.sheet import Heap
from moatkeeper.store.logs.source import FileKind, Piece, kind_of, pieces, sample

T = TypeVar("T")
S = TypeVar("S")

Tell = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, and how much there is."""

WORKERS = 2
PART_BYTES = 64 << 20
"""Of the logs, that one part of the accounts should have; larger: fewer files, more memory."""
MOST_PARTS = 256
INLINE_BYTES = 4 << 20
"""Logs up to this size are read in this process: starting others takes longer."""
MEMORY_MB = 1_024
"""For all processes' engines together, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A log of one form, as pieces of lines of JSON. ``first_line`` is the number of the first of its lines."""

    source: str
    form: LogForm
    pieces: tuple[Piece, ...]
    first_line: int
    faults: Tally


class Gathering:
    """Logs on their way to batches. A context: its end removes the temporary folder and ends the processes."""

    def __init__(self, temporary: Path | None = None, memory_mb: int = MEMORY_MB, workers: int = WORKERS) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="moatkeeper-hunt-", dir=temporary)
        self.folder = Path(self._temporary.name)
        self._workers = workers
        self._memory_mb = memory_mb // workers
        self._pool: ProcessPoolExecutor | None = None
        self.parts = 1
        self.forms: tuple[LogForm, ...] = ()
        self.tally = Tally()
        self.heaps: tuple[Heap, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._temporary.cleanup()

    def read(
        self, files: Sequence[Path], form: LogForm | None = None, window: Window | None = None, tell: Tell | None = None
    ) -> None:
        """Reads all files, recognising each by its first records unless ``form`` says what they are; raises UsageError."""
        found = [path for file in files for path in _files(file)]
        size = sum(path.stat().st_size for path in found)
        self.parts = min(MOST_PARTS, max(1 if size <= INLINE_BYTES else self._workers, -(-size // PART_BYTES)))
        if size > INLINE_BYTES and self._workers > 1:
            context = get_context("spawn")  # the engine has threads, which a fork would lose
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context)
        prepared = [self._prepared(number, path, form) for number, path in enumerate(found)]
        prepared = [self._joined(one) if isinstance(one.form, KServeEvents) else one for one in prepared]
        self.forms = tuple({one.form.name: one.form for one in prepared}.values())
        jobs = [
            Job(0, piece, one.form, self.folder, self.parts, self._memory_mb, window or Window())
            for one in prepared
            for piece in one.pieces
        ]
        jobs = [replace(job, number=number) for number, job in enumerate(jobs)]
        done = list(self.map(read_piece, jobs, "reading", tell))
        self._add(prepared, done)

    def map(self, function: Callable[[S], T], items: Sequence[S], what: str = "", tell: Tell | None = None) -> Iterator[T]:
        """The function of every item, in order, by the processes of this gathering where it has any."""
        results: Iterable[T] = map(function, items) if self._pool is None else self._pool.map(function, items)
        try:
            for number, result in enumerate(results, start=1):
                if tell is not None:
                    tell(what, number, len(items))
                yield result
        except BrokenProcessPool as error:
            raise StoreError(
                "found a process of the hunt killed, expected it to end by itself",
                hint="the system may be short of memory: give less to it with --memory or --workers",
            ) from error

    def jobs(self, heap: Heap) -> list[PartJob]:
        """The parts of a heap, to be read by ``parts.gathered`` in whatever process."""
        return [PartJob(self.folder, heap, part, self._memory_mb) for part in range(self.parts)]

    @property
    def memory_mb(self) -> int:
        """For the engine of one process."""
        return self._memory_mb

    def _prepared(self, number: int, path: Path, form: LogForm | None) -> Prepared:
        kind, source, faults, first_line = kind_of(path), str(path), Tally(), 1
        lines = path
        if kind in (FileKind.PARQUET, FileKind.CSV, FileKind.ARRAY):
            lines = self.folder / f"lines-{number}.jsonl"
            with Engine(self.folder / "engine-tables", self._memory_mb * self._workers, self._workers) as engine:
                for line, why in engine.as_lines(path, kind, lines):
                    faults.fault(source, line, f"found {why}")
            first_line = 2 if kind is FileKind.CSV else 1
        cut = pieces(source, lines, gzipped=kind is FileKind.GZIPPED, wrapped=kind is FileKind.ARRAY)
        known = form if form is not None else form_of(sample(cut[0]), source)
        return Prepared(source, known, tuple(cut), first_line, faults)

    def _joined(self, log: Prepared) -> Prepared:
        """The log with its halves joined; what could not be read of them is in its faults."""
        (self.folder / "halves").mkdir(exist_ok=True)
        jobs = [
            Job(number, piece, log.form, self.folder, self.parts, self._memory_mb, Window())
            for number, piece in enumerate(log.pieces)
        ]
        done = list(self.map(read_halves, jobs))
        faults = summed([log.faults, *_numbered(done, {log.source: log.first_line})])
        target = self.folder / f"joined-{len(list(self.folder.glob('joined-*')))}.jsonl"
        with Engine(self.folder / "engine-joins", self._memory_mb * self._workers, self._workers) as engine:
            if any((self.folder / "halves").iterdir()):
                engine.joined(self.folder / "halves", target, QUESTION, REPLY)
            else:
                target.touch()
        for file in (self.folder / "halves").iterdir():
            file.unlink()
        source = f"{log.source} (events joined)"
        return Prepared(source, log.form, tuple(pieces(source, target)), 1, faults)

    def _add(self, prepared: Sequence[Prepared], done: Sequence[Done]) -> None:
        first_lines = {one.source: one.first_line for one in prepared}
        self.tally = summed([*(one.faults for one in prepared), *_numbered(done, first_lines)])
        heaps: Heaps = {}
        for one in done:
            for key, heap in one.heaps.items():
                before = heaps.setdefault(key, heap)
                if before is not heap:
                    before.add(heap)
        self.heaps = tuple(sorted(heaps.values(), key=lambda heap: (-heap.rows, heap.model, heap.shape)))


def _files(path: Path) -> list[Path]:
    """A file itself, or all files of a folder in the order of their names; raises UsageError."""
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))
        if not found:
            raise UsageError(f"{path}: found an empty folder, expected logs")
        return found
    if not path.is_file():
        raise UsageError(f"{path}: found no such file, expected a log")
    return [path]


def _numbered(done: Sequence[Done], first_lines: dict[str, int]) -> list[Tally]:
    """The tallies with line numbers of the whole file instead of the piece; ``done`` is in the order of the pieces."""
    told: list[Tally] = []
    next_line = dict(first_lines)
    for one in done:
        offset = next_line[one.source]
        one.tally.faults = [Fault(fault.source, fault.line + offset, fault.why) for fault in one.tally.faults]
        next_line[one.source] = offset + one.tally.lines
        told.append(one.tally)
    return told
