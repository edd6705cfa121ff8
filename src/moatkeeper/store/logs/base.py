"""What a form of log is: it knows its own records by their fields, and makes an entry of each.

A log becomes columns in this order:

    source.py     a file is cut into pieces, each piece into records (JSON objects) with their line numbers
    one form      record -> Entry, or Passed where the record is no exchange, or Unreadable where it is broken
    gather.py     entries -> columns, spilled by model and account; then read again, sorted, each exchange once
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

Record = Mapping[str, object]
"""A JSON object, or a line of a table by column name."""
NAN = float("nan")


class Unreadable(ValueError):
    """A record that should have been an exchange and is not; the message says what was found and what was expected."""


class Entry(NamedTuple):
    """One exchange of a log: who, when, which model, and n rows of what was asked and answered.

    Rows are ``numbers`` or ``texts``, never both; neither where the log holds no contents, and then ``rows`` says how many.
    Cells of ``numbers`` may be numbers, None or texts (categories). A named tuple, because a hunt makes millions of them; for
    that reason a form may leave numbers where a text is wanted, and texts where a count is: they are mended later (sheet.py).
    """

    account: str  # empty where the log does not say: the key or the address stands in
    at: float  # UTC seconds
    model: str = ""
    request: str = ""  # identity of the request; empty where the log has none
    organisation: str = ""
    key: str = ""
    address: str = ""
    agent: str = ""
    numbers: Sequence[Sequence[object]] | None = None
    columns: tuple[str, ...] = ()  # names of the numbers' columns, where they have names
    texts: Sequence[str] | None = None
    rows: int = 1
    scores: Sequence[Sequence[object]] | None = None  # one list a row
    labels: Sequence[object] | None = None  # one a row
    system: str = ""
    turns: int = -1
    tokens: int = -1
    room: float = NAN
    released: float = NAN  # UTC seconds at which the model was released
    stages: Sequence[Sequence[object]] | None = None  # one list of classes a row: what earlier stages of the model say


class Passed(NamedTuple):
    """A record that is no exchange with a model, and why: a health check, a failed call."""

    why: str


Reading = Entry | Passed


class LogForm(Protocol):
    """One form of log."""

    @property
    def name(self) -> str:
        """What ``--format`` calls it."""
        ...

    @property
    def holds(self) -> str:
        """One sentence for people: whose log it is, and what cannot be seen in it."""
        ...

    def recognises(self, records: Sequence[Record]) -> bool:
        """Whether the first records of a file are of this form, by their fields."""
        ...

    def read(self, record: Record) -> Reading:
        """The exchange in a record; raises Unreadable."""
        ...


def text_of(record: Record, *names: str) -> str:
    """The first of the named fields that holds a text or a number, as text; empty where none does."""
    for name in names:
        value = record.get(name)
        if type(value) is str:
            if value and value != "-":
                return value
        elif type(value) in (int, float):
            return str(value)
    return ""


def count_of(value: object) -> int:
    """A whole number from 0 up, also in a text; -1 for anything else."""
    if type(value) is str:
        value = int(value) if value.isdecimal() else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 31:
        return int(value)
    return -1


def have(records: Sequence[Record], names: Sequence[str], share: float = 0.5) -> bool:
    """Whether at least a share of the records have all the named fields."""
    found = sum(all(name in record for name in names) for record in records)
    return bool(records) and found >= share * len(records)
