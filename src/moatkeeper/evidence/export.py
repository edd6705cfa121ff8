"""A ledger as a text file: one canonical JSON object a line, from a head to a head, verified without the database.

    {"after":"0:<link>","format":"moatkeeper-ledger-1","ledger":"<id>"}
    {"body":{...},"digest":"<hex>","link":"<hex>","seq":1}
    ...
    {"end":"<seq>:<link>"}

Each line is in canonical form, so that no byte of the file can change unseen. ``body`` is null where it was erased.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from moatkeeper.errors import LedgerBroken
from moatkeeper.evidence.canonical import NotCanonical, Value, canonical, parse
from moatkeeper.evidence.chain import Entry, Head, genesis, parse_head

FORMAT = "moatkeeper-ledger-1"
_HINT = "Compare the file with another copy of it, or export it again."


@dataclass(frozen=True, slots=True)
class Export:
    """An export being read: the head before its first record, and its records, which are read as they are asked for."""

    begin: Head
    entries: Iterator[Entry]


def export_lines(ledger_id: bytes, begin: Head, entries: Iterable[Entry]) -> Iterator[bytes]:
    """The lines of an export of the entries that follow ``begin``."""
    yield canonical({"after": str(begin), "format": FORMAT, "ledger": ledger_id.hex()}) + b"\n"
    end = begin
    for entry in entries:
        body = b"null" if entry.body is None else entry.body
        # Put together by hand: a body is canonical already, and must not be parsed to be written out.
        marks = f',"digest":"{entry.digest.hex()}","link":"{entry.link.hex()}","seq":{entry.seq}}}\n'
        yield b'{"body":' + body + marks.encode()
        end = Head(entry.seq, entry.link)
    yield canonical({"end": str(end)}) + b"\n"


def read_export(lines: Iterable[bytes]) -> Export:
    """What an export holds; raises LedgerBroken, also while its entries are read, where a line is not of the format."""
    numbered = enumerate(lines, start=1)
    _, first = next(numbered, (1, b""))
    head = _line(1, first)
    if head.get("format") != FORMAT or head.keys() != {"after", "format", "ledger"}:
        raise _fault(1, f"expected the head of an export in the format {FORMAT}")
    begin = _head(1, head["after"])
    if begin.seq == 0 and begin != genesis(_hex(1, head["ledger"])):
        raise _fault(1, "record 0: the start of the chain does not belong to this ledger's id")
    return Export(begin, _entries(begin, numbered))


def ends_at(last_line: bytes) -> Head:
    """The head that an export ends at, read from its last line; raises LedgerBroken where that is not its end."""
    return _head(0, _line(0, last_line).get("end"))


def _entries(begin: Head, numbered: Iterable[tuple[int, bytes]]) -> Iterator[Entry]:
    last, end = begin, None
    number = 1
    for number, line in numbered:
        if end is not None:
            raise _fault(number, "a line after the end")
        values = _line(number, line)
        if values.keys() == {"end"}:
            end = _head(number, values["end"])
            continue
        entry = _entry(number, line, values)
        last = Head(entry.seq, entry.link)
        yield entry
    if end is None:
        raise _fault(number + 1, f"the end is missing: the file was cut after record {last.seq}")
    if end != last:
        raise _fault(number, f"record {last.seq + 1}: the file ends at record {last.seq}, and says that it ends at {end.seq}")


def _entry(number: int, line: bytes, values: dict[str, Value]) -> Entry:
    seq, body = values.get("seq"), values.get("body")
    if values.keys() != {"body", "digest", "link", "seq"} or type(seq) is not int or not isinstance(body, dict | None):
        raise _fault(number, "expected a record with body, digest, link and seq")
    # The line is canonical, so the body's own bytes stand between the two names, and nothing after it holds the second.
    raw = None if body is None else line[len(b'{"body":') : line.rindex(b',"digest":"')]
    return Entry(seq, raw, _hex(number, values["digest"]), _hex(number, values["link"]))


def _line(number: int, line: bytes) -> dict[str, Value]:
    try:
        values = parse(line)
        if canonical(values) + b"\n" == line:
            return values
    except NotCanonical as error:
        raise _fault(number, str(error)) from error
    raise _fault(number, "not in canonical form: a byte was changed, added or removed")


def _hex(number: int, value: Value) -> bytes:
    try:
        raw = bytes.fromhex(str(value))
    except ValueError as error:
        raise _fault(number, f"expected hex digits, found {str(value)[:80]!r}") from error
    if raw.hex() != value:
        raise _fault(number, f"expected lower-case hex digits, found {str(value)[:80]!r}")
    return raw


def _head(number: int, value: Value) -> Head:
    try:
        return parse_head(str(value))
    except ValueError as error:
        raise _fault(number, str(error)) from error


def _fault(number: int, what: str) -> LedgerBroken:
    return LedgerBroken(f"line {number}: {what}", hint=_HINT)
