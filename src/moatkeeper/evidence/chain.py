"""The hash chain: each record's link covers its number, the digest of its body and the link before it.

    digest_n = SHA-256(body_n)
    link_0   = SHA-256("moatkeeper/ledger/1\\n" || ledger id)
    link_n   = SHA-256("moatkeeper/link/1\\n" || link_{n-1} || n as 8 bytes, big-endian || digest_n)

A link covers the digest and not the body, so a body can be erased later while the chain still verifies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from moatkeeper.errors import LedgerBroken

_GENESIS = b"moatkeeper/ledger/1\n"
_LINK = b"moatkeeper/link/1\n"
DIGEST_BYTES = 32
SEQUENCE_BYTES = 8
CHANGED_HINT = "Keep the data directory as it is, and compare it with a backup or an export made before."


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: its last number and link. Number 0 is the genesis, before any record."""

    seq: int
    link: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.link.hex()}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as it is kept. ``body`` is None where it was erased; its digest stays."""

    seq: int
    body: bytes | None
    digest: bytes
    link: bytes


def genesis(ledger_id: bytes) -> Head:
    """The head of an empty ledger: no two ledgers share one, so that records cannot move between them."""
    return Head(0, sha256(_GENESIS + ledger_id).digest())


def body_digest(body: bytes) -> bytes:
    """SHA-256 of a canonical body."""
    return sha256(body).digest()


def next_link(link: bytes, seq: int, digest: bytes) -> bytes:
    """The link of record ``seq``, given the link before it and the digest of its body."""
    return sha256(_LINK + link + seq.to_bytes(SEQUENCE_BYTES, "big") + digest).digest()


def follow(head: Head, entry: Entry) -> Head:
    """The head after ``entry``; raises LedgerBroken where the entry is not what comes after ``head``."""
    expected = head.seq + 1
    if entry.seq > expected:
        raise _fault(expected, f"it is missing: record {entry.seq} comes after record {head.seq}")
    if entry.seq < expected:
        raise _fault(entry.seq, f"it comes again or out of order, after record {head.seq}")
    if entry.body is not None and body_digest(entry.body) != entry.digest:
        raise _fault(entry.seq, "its body was changed: it does not have the digest that is kept with it")
    if next_link(head.link, entry.seq, entry.digest) != entry.link:
        raise _fault(entry.seq, "its link was changed, or its digest, or the start of the chain: it does not follow")
    return Head(entry.seq, entry.link)


def verify_chain(start: Head, entries: Iterable[Entry], known: Head | None = None) -> Head:
    """The head of a chain that begins after ``start``; raises LedgerBroken at the first fault.

    ``known`` is a head that somebody outside has kept: the chain must pass through it. Nothing else shows that a chain was
    cut short, or written anew from some record on.
    """
    head = start
    _compare(head, known)
    for entry in entries:
        head = follow(head, entry)
        _compare(head, known)
    if known is not None and head.seq < known.seq:
        raise _fault(head.seq + 1, f"it is missing: the chain ends at {head.seq}, and is known to have reached {known.seq}")
    return head


def parse_head(text: str) -> Head:
    """The head that ``SEQ:LINK`` names (the link in hex); ``ValueError`` where the text is not of that form."""
    number, _, link = text.partition(":")
    head = Head(int(number), bytes.fromhex(link))
    if head.seq < 0 or len(head.link) != DIGEST_BYTES or str(head) != text:
        raise ValueError(f"expected a number, a colon and {2 * DIGEST_BYTES} lower-case hex digits, found {text!r}")
    return head


def _compare(head: Head, known: Head | None) -> None:
    if known is not None and head.seq == known.seq and head.link != known.link:
        raise _fault(head.seq, f"it is not the record that was known: link {head.link.hex()}, expected {known.link.hex()}")


def _fault(seq: int, what: str) -> LedgerBroken:
    return LedgerBroken(f"record {seq}: {what}", hint=CHANGED_HINT)
