"""Digests of requests and answers: they prove what was sent to whoever holds the secret, and tell nobody else anything.

A plain SHA-256 of a short input (a row of eight numbers, a yes or no) is found by trying all inputs; a keyed one is not.
"""

from __future__ import annotations

from hashlib import blake2b

DIGEST_BYTES = 16
"""128 bits: as core.keyed, and half of what a full digest would add to every record."""

_REQUEST = b"mk.request"
_RELEASED = b"mk.released"


class RunningDigest:
    """The digest of a body that arrives in pieces; the pieces' borders do not matter."""

    __slots__ = ("_hash",)

    def __init__(self, secret: bytes, person: bytes) -> None:
        self._hash = blake2b(key=secret, digest_size=DIGEST_BYTES, person=person)

    def update(self, piece: bytes) -> None:
        """Takes in the next piece."""
        self._hash.update(piece)

    def hex(self) -> str:
        """The digest so far, as hex."""
        return self._hash.hexdigest()


def request_digest(secret: bytes, body: bytes) -> str:
    """The digest of a request body as the caller sent it, as hex."""
    return blake2b(body, key=secret, digest_size=DIGEST_BYTES, person=_REQUEST).hexdigest()


def released_digest(secret: bytes, body: bytes) -> str:
    """The digest of an answer as the caller got it, as hex."""
    return blake2b(body, key=secret, digest_size=DIGEST_BYTES, person=_RELEASED).hexdigest()


def running_released_digest(secret: bytes) -> RunningDigest:
    """A digest for an answer that is sent in pieces; equal to ``released_digest`` of the whole."""
    return RunningDigest(secret, _RELEASED)
