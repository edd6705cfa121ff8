"""What a hunt could not read: counted by kind, the first few with their lines, and nothing passed over in silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SHOWN = 5  # lines that are named; the others are counted


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is broken: ``line`` counts from 1 in its file (for Parquet: the row)."""

    source: str
    line: int
    why: str


@dataclass(slots=True)
class Tally:
    """What became of the lines of a log. Open while a piece is read; tallies of pieces add up."""

    lines: int = 0
    exchanges: int = 0
    rows: int = 0
    broken: int = 0
    outside: int = 0  # exchanges before --since or after --until
    backwards: int = 0  # exchanges whose clock is behind that of the line before
    nameless: int = 0  # exchanges without an account, taken for those of their key or address
    nobodys: int = 0  # exchanges without account, key and address
    passed: dict[str, int] = field(default_factory=dict)  # by reason
    faults: list[Fault] = field(default_factory=list)

    def fault(self, source: str, line: int, why: str) -> None:
        """Counts one broken line."""
        self.broken += 1
        if len(self.faults) < SHOWN:
            self.faults.append(Fault(source, line, why))

    def skip(self, why: str) -> None:
        """Counts one line that is no exchange."""
        self.passed[why] = self.passed.get(why, 0) + 1

    def add(self, other: Tally) -> None:
        """Adds the tally of another piece."""
        for name in ("lines", "exchanges", "rows", "broken", "outside", "backwards", "nameless", "nobodys"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for why, count in other.passed.items():
            self.passed[why] = self.passed.get(why, 0) + count
        self.faults = sorted([*self.faults, *other.faults], key=lambda fault: (fault.source, fault.line))[:SHOWN]


def summed(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


def in_words(tally: Tally, duplicates: int, widths: Mapping[str, int]) -> list[str]:
    """What people have to know about the reading of the log, a sentence each; empty where there is nothing.

    ``widths`` counts the rows that were not of their model's usual shape, by model.
    """
    told: list[str] = []
    if tally.broken:
        first = "; ".join(f"{fault.source}:{fault.line}: {fault.why}" for fault in tally.faults)
        told.append(f"{tally.broken:,} broken lines were left out, the first: {first}")
    told += [f"{count:,} lines were passed over: {why}" for why, count in sorted(tally.passed.items())]
    if duplicates:
        told.append(f"{duplicates:,} rows were logged more than once, with the same request and content, and counted once")
    if tally.backwards:
        told.append(f"{tally.backwards:,} exchanges stood behind later ones and were put in the order of their time")
    if tally.nameless:
        told.append(f"{tally.nameless:,} exchanges name no account: their key, or else their address, was taken for one")
    if tally.nobodys:
        told.append(f"{tally.nobodys:,} exchanges say neither account nor key nor address; they cannot be told apart, left out")
    if tally.outside:
        told.append(f"{tally.outside:,} exchanges lay outside of the time asked for")
    for model, count in sorted(widths.items()):
        told.append(f"{count:,} rows to {model or 'the model'} had another shape than its other rows, and were not looked at")
    return told
