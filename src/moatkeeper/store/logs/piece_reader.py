"""Reads one piece of a log: records to entries, entries to columns, columns to disk. Runs in a process of its own."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from moatkeeper.patterns.batch import IntArray
from moatkeeper.store.logs.base import Entry, LogForm, Passed, Unreadable
from moatkeeper.store.logs.engine import Engine
from moatkeeper.store.logs.faults import Tally
from moatkeeper.store.logs.kserve import half
from moatkeeper.store.logs.named import NamedColumns
from moatkeeper.store.logs.own import OwnLog
from moatkeeper.store.logs.sheet import Heap, Sheet, Table, folder_name, numbers_shape, objects, plain_texts, shape_of
from moatkeeper.store.logs.source import Piece, copied, lines, record_of, sample
from moatkeeper.store.logs.typed import Typed, named, own
from moatkeeper.store.logs.typed_reader import TypedReader

SPILL_ROWS = 60_000
"""Rows that a process holds as values before it spills them; larger: fewer files, more memory."""
SPILL_BYTES = 48 << 20
"""Of lines, likewise: long texts and wide rows are spilled earlier."""
MOST_MODELS = 64
"""Models, by name and shape of input, that are told apart in one piece: a log full of made-up names must not fill the disk."""
OTHER_MODELS = "(other models)"
_PIECE_SHIFT = 40  # a piece has fewer lines than 2^40

Seen = tuple[str, str, str, str, str]
"""Account, organisation, key, address and agent."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is looked at, in UTC seconds; the end is not part of it."""

    since: float = float("-inf")
    until: float = float("inf")


@dataclass(frozen=True, slots=True)
class Job:
    """All that a process needs to read a piece."""

    number: int
    piece: Piece
    form: LogForm
    folder: Path
    parts: int
    memory_mb: int
    window: Window


Heaps = dict[tuple[str, str], Heap]
"""By model and shape."""


@dataclass(slots=True)
class Done:
    """What a process found in a piece."""

    source: str
    tally: Tally
    heaps: Heaps = field(default_factory=dict)


def read_piece(job: Job) -> Done:
    """Spills the exchanges of a piece, and says what it found; raises UsageError or StoreError."""
    # A cycle collector that looks at millions of plain lists again and again takes a third of the time, and finds nothing.
    collects = gc.isenabled()
    gc.disable()
    try:
        with Engine(job.folder / f"engine-{job.number}", job.memory_mb) as engine:
            return _short_way(job, engine) or _Reader(job, engine).run()
    finally:
        if collects:
            gc.enable()


def _short_way(job: Job, engine: Engine) -> Done | None:
    """What the engine makes of a piece of plain lines by itself; None where they are to be read one by one."""
    typed = _typed(job)
    if typed is None:
        return None
    copy = job.folder / f"piece-{job.number}.jsonl"
    reader = TypedReader(engine, typed, job.window.since, job.window.until)
    count = copied(job.piece, copy)
    plain = reader.parse(copy)
    copy.unlink()
    if not plain:
        return None
    found = reader.found()
    if len(found.models) > MOST_MODELS:
        return None
    shape = numbers_shape(typed.width, typed.columns)
    reader.spill(found.models, shape, job.folder, job.number, job.parts)
    rows = sum(found.models.values())
    tally = Tally(count, len(found.at), rows, outside=found.outside, nameless=found.nameless, nobodys=found.nobodys)
    tally.backwards = int(np.sum(found.at[1:] < found.at[:-1]))
    done = Done(job.piece.source, tally)
    for model, number in found.models.items():
        heap = Heap(model, shape, folder_name(model), typed.columns, number, set(found.has))
        if typed.scores is not None:
            heap.has.add("scores")
            heap.answers[typed.score_width] = number
        heap.first_at, heap.last_at = float(found.at.min()), float(found.at.max())
        done.heaps[model, shape] = heap
    return done


def _typed(job: Job) -> Typed | None:
    """How the engine could read a piece, by its first line."""
    if job.piece.gzipped or job.piece.wrapped or not isinstance(job.form, OwnLog | NamedColumns):
        return None
    first = next(iter(sample(job.piece, 1)), None)
    if first is None:
        return None
    return own(first) if isinstance(job.form, OwnLog) else named(job.form.opened(first), first)


def read_halves(job: Job) -> Done:
    """Spills the events of a piece, which are halves of exchanges, under the identity that joins them."""
    done = Done(job.piece.source, Tally())
    halves, identities, numbers, texts = [], [], [], []
    with Engine(job.folder / f"engine-{job.number}", job.memory_mb) as engine:
        for line in lines(job.piece):
            done.tally.lines += 1
            try:
                record = record_of(line.content, whole=line.whole, wrapped=job.piece.wrapped)
                found = half(record) if record is not None else None
            except Unreadable as error:
                done.tally.fault(job.piece.source, line.number, str(error))
                continue
            if found is None:
                if record is not None:
                    done.tally.skip("no event of a request or a response")
                continue
            halves.append(found[0])
            identities.append(found[1])
            numbers.append((job.number << _PIECE_SHIFT) | line.number)
            texts.append(line.content.decode("utf-8", "replace").strip())
        table: Table = {"half": objects(halves), "id": objects(identities), "number": np.array(numbers), "text": objects(texts)}
        if halves:
            engine.keep(table, job.folder / "halves" / f"{job.number}.parquet")
    return done


class _Reader:
    """One pass over a piece: lines become entries one by one, and entries columns many at once."""

    def __init__(self, job: Job, engine: Engine) -> None:
        self._job = job
        self._engine = engine
        self._done = Done(job.piece.source, Tally())
        self._entries: list[Entry] = []
        self._numbers: list[int] = []
        self._last = float("-inf")
        self._spills = 0

    def run(self) -> Done:
        """The whole piece."""
        job, tally = self._job, self._done.tally
        wrapped, read = job.piece.wrapped, job.form.read
        named = job.form if isinstance(job.form, NamedColumns) else None
        rows = size = number = 0
        for number, content, whole in lines(job.piece):
            try:
                record = record_of(content, whole=whole, wrapped=wrapped)
                if record is None:
                    continue
                if named is not None:
                    read, named = named.reader(record), None
                found = read(record)
                if type(found) is Entry:
                    _check(found)
                    self._entries.append(found)
                    self._numbers.append(number)
                    rows += found.rows
                    size += len(content)
                elif isinstance(found, Passed):
                    tally.skip(found.why)
            except Unreadable as error:
                tally.fault(job.piece.source, number, str(error))
            except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
                why = f"found a record that makes no sense ({type(error).__name__}: {error})"
                tally.fault(job.piece.source, number, why)
            if rows >= SPILL_ROWS or size >= SPILL_BYTES:
                self._spill()
                rows = size = 0
        tally.lines = number + 1 if job.piece.end > job.piece.start else 0
        self._spill()
        return self._done

    def _spill(self) -> None:
        """What is held, as columns on disk."""
        entries, numbers = self._entries, np.array(self._numbers, dtype=np.int64) | (self._job.number << _PIECE_SHIFT)
        self._entries, self._numbers = [], []
        accounts, kept = self._kept(entries)
        groups: dict[tuple[str, str], list[int]] = {}
        shapes: dict[tuple[object, ...], tuple[str, str]] = {}
        for place in kept.tolist():
            entry = entries[place]
            width = len(entry.numbers[0]) if entry.numbers is not None else -1 if entry.texts is not None else -2
            alike = (entry.model, width, entry.columns)
            key = shapes.get(alike)
            if key is None:
                key = shapes[alike] = self._key(entry, groups)
            groups.setdefault(key, []).append(place)
        for (model, shape), places in groups.items():
            chosen = np.array(places, dtype=np.int64)
            sheet = Sheet(
                model,
                shape,
                [accounts[place] for place in places],
                [entries[place] for place in places],
                numbers[chosen],
            )
            self._keep(sheet)
        if len(kept):
            seen = {
                (accounts[place], *plain_texts((one.organisation, one.key, one.address, one.agent)))
                for place, one in ((place, entries[place]) for place in kept.tolist())
            }
            self._engine.give(_seen_table(sorted(seen)))
            self._engine.spill_seen("SELECT * FROM given", self._job.folder, self._name(), self._job.parts)

    def _kept(self, entries: list[Entry]) -> tuple[list[str], IntArray]:
        """The account of each exchange, and the places of those that are looked at; counts the others."""
        tally, window = self._done.tally, self._job.window
        at = np.array([entry.at for entry in entries], dtype=np.float64)
        inside = (at >= window.since) & (at < window.until)
        tally.outside += int(np.sum(~inside))
        accounts = list(plain_texts([entry.account for entry in entries]))
        for place in [place for place, account in enumerate(accounts) if not account]:
            accounts[place] = stand_in(entries[place])
            if inside[place]:
                tally.nobodys += not accounts[place]
                tally.nameless += bool(accounts[place])
        kept = np.flatnonzero(inside & np.array([bool(account) for account in accounts], dtype=bool))
        times = np.r_[self._last, at[kept]]
        tally.backwards += int(np.sum(times[1:] < times[:-1]))
        self._last = float(times[-1])
        tally.exchanges += len(kept)
        tally.rows += sum(entries[place].rows for place in kept.tolist())
        return accounts, kept

    def _key(self, entry: Entry, groups: Mapping[tuple[str, str], list[int]]) -> tuple[str, str]:
        """The model and shape under which an exchange is kept."""
        model, shape = plain_texts((entry.model,))[0], shape_of(entry)
        known = {*groups, *self._done.heaps}
        return (model if len(known) < MOST_MODELS or (model, shape) in known else OTHER_MODELS, shape)

    def _keep(self, sheet: Sheet) -> None:
        heap, table = sheet.table()
        self._engine.spill(table, self._job.folder, self._name(), self._job.parts)
        before = self._done.heaps.setdefault((heap.model, heap.shape), heap)
        if before is not heap:
            before.add(heap)

    def _name(self) -> str:
        """Of the next spilled files."""
        self._spills += 1
        return f"{self._job.number}-{self._spills}"


def _check(entry: Entry) -> None:
    """Raises Unreadable for an exchange whose parts do not fit together."""
    numbers, rows = entry.numbers, entry.rows
    if numbers is not None:
        if len(numbers) != rows or not rows:
            raise Unreadable(f"found {len(numbers)} rows where {rows} were announced")
        if rows > 1 and len(set(map(len, numbers))) != 1:
            raise Unreadable("found rows that differ in length, expected as many numbers in each")
    elif entry.texts is not None and len(entry.texts) != rows:
        raise Unreadable(f"found {len(entry.texts)} texts where {rows} were announced")


def stand_in(entry: Entry) -> str:
    """What is taken for the account where the log names none: the key, or else the address; empty without both."""
    return f"key {entry.key}" if entry.key else f"address {entry.address}" if entry.address else ""


def _seen_table(seen: Sequence[Seen]) -> Table:
    names = ("account", "organisation", "key", "address", "agent")
    columns = list(zip(*seen, strict=True))
    return {name: objects(values) for name, values in zip(names, columns, strict=True)}
