"""What of a client's request reaches the model server: an allow-list of header fields and query parameters."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from moatkeeper.serve.identify import CREDENTIALS, KEY_PREFIX, Identity
from moatkeeper.wire.base import Headers

PASSED_REQUEST_HEADERS = frozenset(
    {
        b"accept",
        b"content-type",
        b"user-agent",
        b"inference-header-content-length",
        b"traceparent",
        b"tracestate",
        b"openai-organization",
        b"openai-project",
        b"openai-beta",
    }
)
"""Fields that model servers need; all others may steer a server in ways that no contract knows."""

PASSED_PARAMETERS = frozenset({"api-version", "stream", "starting_after"})
"""Query parameters that choose a dialect or a place in a stream, and never what an answer shows."""

PLAIN_PARAMETER = re.compile(r"[A-Za-z0-9_.-]{1,64}=[A-Za-z0-9_.-]{0,64}")

IDENTITY = (b"accept-encoding", b"identity")


class ForwardedRequests:
    """Builds the outer shape of forwarded requests. ``authorization`` replaces whatever the client presented."""

    def __init__(self, authorization: bytes | None = None) -> None:
        self._authorization = authorization

    def headers(self, headers: Headers, changes: Mapping[bytes, bytes | None], identity: Identity) -> list[tuple[bytes, bytes]]:
        """The header fields of a forwarded request; credentials of ours never go on, foreign ones do in open mode."""
        if identity.consumed or self._authorization is not None:
            sent = [pair for pair in headers if pair[0] in PASSED_REQUEST_HEADERS and pair[0] not in changes]
        else:
            sent = [
                pair
                for pair in headers
                if pair[0] not in changes and (pair[0] in PASSED_REQUEST_HEADERS or _foreign_credential(*pair))
            ]
        sent += [(name, value) for name, value in changes.items() if value is not None]
        if b"accept-encoding" not in changes:
            sent.append(IDENTITY)
        if self._authorization is not None:
            sent.append((b"authorization", self._authorization))
        return sent

    def plain_headers(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The header fields of a forwarded health or metadata request."""
        sent = [pair for pair in headers if pair[0] in (b"accept", b"user-agent")]
        if self._authorization is not None:
            sent.append((b"authorization", self._authorization))
        return [*sent, IDENTITY]

    def target(self, path: str, query: bytes) -> bytes:
        """The path as it came, with the query parameters that may pass."""
        target = path.encode("latin-1")
        if not query:
            return target
        kept = [
            pair
            for pair in query.decode("latin-1").split("&")
            if PLAIN_PARAMETER.fullmatch(pair) and pair.partition("=")[0] in PASSED_PARAMETERS
        ]
        return target + b"?" + "&".join(kept).encode() if kept else target


def _foreign_credential(name: bytes, value: bytes) -> bool:
    # Where a trusted proxy names the account, a key of ours may stand beside that name unchecked: it is still ours.
    return name in CREDENTIALS and not value.strip().rpartition(b" ")[2].startswith(KEY_PREFIX)


class QueryIds:
    """Identifiers of queries: 64 random bits, drawn in blocks so that one costs no system call."""

    _BLOCK = 512
    _BYTES = 8

    def __init__(self) -> None:
        self._pool = b""
        self._next = 0

    def next(self) -> str:
        """A new identifier, 16 hexadecimal digits."""
        if self._next >= len(self._pool):
            self._pool = os.urandom(self._BLOCK * self._BYTES)
            self._next = 0
        piece = self._pool[self._next : self._next + self._BYTES]
        self._next += self._BYTES
        return piece.hex()
