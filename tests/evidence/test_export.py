"""Exports: a text file in which no byte can change unseen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import LedgerBroken
from moatkeeper.evidence.canonical import canonical
from moatkeeper.evidence.chain import Entry, Head, body_digest, genesis, next_link, verify_chain
from moatkeeper.evidence.export import ends_at, export_lines, read_export

LEDGER_ID = bytes(range(16))
START = genesis(LEDGER_ID)


def chain(count: int) -> list[Entry]:
    """A sound chain with text that a careless parser would stumble over; its second record is erased."""
    link, entries = START.link, []
    for seq in range(1, count + 1):
        body = canonical({"kind": "query", "at": seq, "text": '","digest":"\n é', "deep": {"seq": [1, None, True]}})
        link = next_link(link, seq, body_digest(body))
        entries.append(Entry(seq, None if seq == 2 else body, body_digest(body), link))
    return entries


def check(file: bytes, known: Head | None = None) -> Head:
    content = read_export(file.splitlines(keepends=True))
    return verify_chain(content.begin, content.entries, known)


FILE = b"".join(export_lines(LEDGER_ID, START, chain(4)))


@given(st.integers(0, 6))
def test_what_was_written_is_read_back(count: int) -> None:
    entries = chain(count)
    lines = list(export_lines(LEDGER_ID, START, entries))
    assert list(read_export(lines).entries) == entries
    assert check(b"".join(lines)) == ends_at(lines[-1])


@given(st.integers(0, len(FILE) - 1), st.integers(0, 255))
def test_any_other_byte_anywhere_is_found(position: int, byte: int) -> None:
    changed = FILE[:position] + bytes([byte]) + FILE[position + 1 :]
    if changed == FILE:
        assert check(changed).seq == 4
        return
    with pytest.raises(LedgerBroken):
        check(changed)


@given(st.integers(0, len(FILE) - 1))
def test_a_file_cut_anywhere_is_found(length: int) -> None:
    with pytest.raises(LedgerBroken):
        check(FILE[:length])


@given(st.integers(0, len(FILE)), st.sampled_from([b" ", b"\n", b"{}\n", b'"', b"0"]))
def test_anything_put_in_anywhere_is_found(position: int, extra: bytes) -> None:
    with pytest.raises(LedgerBroken):
        check(FILE[:position] + extra + FILE[position:])


def test_lines_in_another_order_or_left_out_are_found() -> None:
    lines = FILE.splitlines(keepends=True)
    for harmed in ([lines[0], *lines[2:]], [lines[0], lines[2], lines[1], *lines[3:]], lines[1:], [*lines, lines[-1]]):
        with pytest.raises(LedgerBroken, match=r"^(line|record) "):
            check(b"".join(harmed))


def test_a_part_of_a_ledger_verifies_from_the_head_before_it() -> None:
    entries = chain(4)
    begin = Head(2, entries[1].link)
    assert check(b"".join(export_lines(LEDGER_ID, begin, entries[2:]))) == Head(4, entries[3].link)


def test_a_whole_ledger_that_claims_another_id_is_found() -> None:
    with pytest.raises(LedgerBroken, match="does not belong to this ledger's id"):
        check(FILE.replace(LEDGER_ID.hex().encode(), b"ff" * 16, 1))


def test_a_chain_cut_short_with_a_proper_end_is_found_by_a_known_head_only() -> None:
    entries = chain(4)
    short = b"".join(export_lines(LEDGER_ID, START, entries[:3]))
    assert check(short).seq == 3
    with pytest.raises(LedgerBroken, match=r"^record 4: it is missing"):
        check(short, Head(4, entries[3].link))


def test_a_reader_that_parsed_without_comparing_bytes_would_miss_added_white_space() -> None:
    # The control for the canonical check: the same values in other bytes still chain.
    entries = list(read_export(FILE.splitlines(keepends=True)).entries)
    assert verify_chain(START, [replace(entry) for entry in entries]).seq == 4
    with pytest.raises(LedgerBroken, match=r"^line 2: not in canonical form"):
        check(FILE.replace(b'{"body":', b'{"body": ', 1))
