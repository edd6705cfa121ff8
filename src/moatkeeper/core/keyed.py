"""Keyed digests: the only source of chance and of pseudonyms on the floors without global randomness."""

from __future__ import annotations

import hmac
from hashlib import blake2b

DIGEST_BYTES = 16
"""128 bits: far past any chance collision among accounts, and half the size of a full digest in every record."""


def keyed_digest(secret: bytes, purpose: str, *parts: bytes) -> bytes:
    """A digest of ``parts`` that cannot be computed or linked without ``secret``, DIGEST_BYTES long.

    ``purpose`` separates uses of one secret (at most 16 bytes of UTF-8, BLAKE2b's ``person`` field). Parts are framed by
    their lengths, so that moving a byte from one part to the next changes the digest.
    """
    framed = b"".join([len(part).to_bytes(8, "big") + part for part in parts])
    return blake2b(framed, key=secret, digest_size=DIGEST_BYTES, person=purpose.encode()).digest()


def same_digest(a: bytes, b: bytes) -> bool:
    """Whether two digests are equal, in time that does not depend on where they differ."""
    return hmac.compare_digest(a, b)
