"""The chain: nothing in it can be changed, taken out, added or moved without being found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from moatkeeper.errors import LedgerBroken
from moatkeeper.evidence.canonical import canonical
from moatkeeper.evidence.chain import Entry, Head, body_digest, genesis, next_link, parse_head, verify_chain

LEDGER_ID = bytes(range(16))
START = genesis(LEDGER_ID)


def chain(count: int) -> list[Entry]:
    """A sound chain of ``count`` small records."""
    link, entries = START.link, []
    for seq in range(1, count + 1):
        body = canonical({"kind": "query", "at": seq, "account": f"account-{seq}"})
        link = next_link(link, seq, body_digest(body))
        entries.append(Entry(seq, body, body_digest(body), link))
    return entries


def flip(raw: bytes, bit: int) -> bytes:
    position, shift = divmod(bit % (8 * len(raw)), 8)
    return raw[:position] + bytes([raw[position] ^ (1 << shift)]) + raw[position + 1 :]


def flipped(entry: Entry, part: str, bit: int) -> Entry:
    if part == "body":
        return replace(entry, body=flip(entry.body or b"", bit))
    return replace(entry, digest=flip(entry.digest, bit)) if part == "digest" else replace(entry, link=flip(entry.link, bit))


@given(st.integers(0, 12))
def test_a_chain_that_nobody_touched_verifies_to_its_own_head(count: int) -> None:
    entries = chain(count)
    expected = Head(count, entries[-1].link) if entries else START
    assert verify_chain(START, entries, known=expected) == expected


@given(st.integers(1, 8), st.data(), st.sampled_from(["body", "digest", "link"]), st.integers(0, 10_000))
def test_any_flipped_bit_of_any_field_is_found_at_its_record(count: int, data: st.DataObject, part: str, bit: int) -> None:
    entries = chain(count)
    index = data.draw(st.integers(0, count - 1))
    entries[index] = flipped(entries[index], part, bit)
    with pytest.raises(LedgerBroken, match=f"^record {index + 1}: "):
        verify_chain(START, entries)


@given(st.integers(2, 8), st.data())
def test_any_other_order_is_found(count: int, data: st.DataObject) -> None:
    entries = chain(count)
    order = data.draw(st.permutations(entries))
    assume(order != entries)
    with pytest.raises(LedgerBroken):
        verify_chain(START, order)


@given(st.integers(2, 8), st.data())
def test_records_that_swapped_contents_but_kept_their_numbers_are_found(count: int, data: st.DataObject) -> None:
    entries = chain(count)
    i, j = data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True))
    entries[i], entries[j] = replace(entries[j], seq=i + 1), replace(entries[i], seq=j + 1)
    with pytest.raises(LedgerBroken):
        verify_chain(START, entries)


@given(st.integers(1, 8), st.data())
def test_a_record_taken_out_is_found_unless_it_is_the_last_and_no_head_is_known(count: int, data: st.DataObject) -> None:
    entries = chain(count)
    head = Head(count, entries[-1].link)
    index = data.draw(st.integers(0, count - 1))
    del entries[index]
    with pytest.raises(LedgerBroken, match=f"^record {index + 1}: it is missing"):
        verify_chain(START, entries, known=head)


@given(st.integers(1, 8), st.data())
def test_a_chain_written_anew_from_some_record_on_is_found_by_a_known_head(count: int, data: st.DataObject) -> None:
    entries = chain(count)
    head = Head(count, entries[-1].link)
    index = data.draw(st.integers(0, count - 1))
    link = entries[index - 1].link if index else START.link
    for position in range(index, count):
        body = canonical({"kind": "query", "at": position, "account": "somebody else"})
        link = next_link(link, position + 1, body_digest(body))
        entries[position] = Entry(position + 1, body, body_digest(body), link)
    verify_chain(START, entries)
    with pytest.raises(LedgerBroken, match=f"^record {count}: it is not the record that was known"):
        verify_chain(START, entries, known=head)


def swapped(entries: list[Entry]) -> Sequence[Entry]:
    return [entries[0], entries[2], entries[1]]


FAULTS: list[tuple[Callable[[list[Entry]], Sequence[Entry]], str]] = [
    (lambda entries: [entries[0], entries[2]], "record 2: it is missing"),
    (swapped, "record 2: it is missing"),
    (lambda entries: [entries[0], *entries], "record 1: it comes again"),
    (lambda entries: [replace(entries[0], body=b"{}"), *entries[1:]], "record 1: its body was changed"),
    (lambda entries: [entries[0], replace(entries[1], link=bytes(32))], "record 2: its link was changed"),
    (
        lambda entries: [replace(entries[0], body=b"{}", digest=body_digest(b"{}"))],
        "record 1: its link was changed, or its digest",
    ),
]


@pytest.mark.parametrize(("harm", "named"), FAULTS)
def test_each_fault_is_called_by_its_name(harm: Callable[[list[Entry]], Sequence[Entry]], named: str) -> None:
    with pytest.raises(LedgerBroken, match=f"^{named}") as caught:
        verify_chain(START, harm(chain(3)))
    assert caught.value.exit_code == 5
    assert caught.value.hint


def test_records_of_another_ledger_do_not_verify_here() -> None:
    with pytest.raises(LedgerBroken, match=r"^record 1: .*start of the chain"):
        verify_chain(genesis(b"another ledger"), chain(2))


def test_an_erased_body_leaves_a_chain_that_verifies_and_an_erased_digest_does_not() -> None:
    entries = chain(3)
    entries[1] = replace(entries[1], body=None)
    assert verify_chain(START, entries).seq == 3
    entries[1] = replace(entries[1], digest=bytes(32))
    with pytest.raises(LedgerBroken, match=r"^record 2: "):
        verify_chain(START, entries)


def test_a_verifier_that_skips_the_links_misses_a_record_written_anew() -> None:
    entries = chain(3)
    forged = canonical({"kind": "query", "at": 2, "account": "innocent"})
    entries[1] = replace(entries[1], body=forged, digest=body_digest(forged))
    # The control: bodies and numbers alone are in order, so only the link check can find it.
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert all(entry.body is not None and body_digest(entry.body) == entry.digest for entry in entries)
    with pytest.raises(LedgerBroken, match=r"^record 2: its link was changed"):
        verify_chain(START, entries)


def test_the_links_can_be_computed_with_a_hash_function_and_nothing_of_ours() -> None:
    first, second = chain(2)
    start = sha256(b"moatkeeper/ledger/1\n" + LEDGER_ID).digest()
    one = sha256(b"moatkeeper/link/1\n" + start + b"\0\0\0\0\0\0\0\1" + sha256(first.body or b"").digest()).digest()
    two = sha256(b"moatkeeper/link/1\n" + one + b"\0\0\0\0\0\0\0\2" + sha256(second.body or b"").digest()).digest()
    assert (first.link, second.link) == (one, two)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5:",
        "x:" + "00" * 32,
        "-1:" + "00" * 32,
        "5:" + "00" * 31,
        "5:zz",
        "05:" + "00" * 32,
        "5:" + "AA" * 32,
        "5: " + "00" * 32,
    ],
)
def test_a_head_that_is_not_of_the_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_head(text)


def test_a_head_is_read_back_from_its_text() -> None:
    assert parse_head(str(START)) == START
