"""What a caller is told beside the answer: quotas as sold, plain refusals, and never a reason of the guard's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import orjson

from moatkeeper.core.judgement import Decision, Quota
from moatkeeper.wire.base import Headers, Message, Route, WireFormat
from moatkeeper.wire.complaints import plain_sentence

JSON = (b"content-type", b"application/json")

PASSED_RESPONSE_HEADERS = frozenset(
    {b"content-type", b"inference-header-content-length", b"retry-after", b"cache-control", b"vary"}
)
"""Fields of the model server's answer that reach the caller; all others may tell of versions, timings or internals."""

_KNOWN_POLICIES = 256
"""Quotas that are sold, of which a price list has a handful."""

TOO_MANY = "rate limit exceeded"
ENDED = "access to this API is not available to this account"


def refusal_body(wire: WireFormat | None, route: Route | None, status: int, message: str) -> bytes:
    """An error body in the protocol's own shape, or a plain one where the path told no protocol."""
    if wire is None:
        return orjson.dumps({"error": message})
    return wire.refusal(route, status, message)


def quota_headers(quota: Quota, *, refused: bool) -> list[tuple[bytes, bytes]]:
    """RateLimit fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers-10): the contract as sold.

    A refused caller reads that nothing remains, whichever limit it met: otherwise a rest would tell of another limit.
    """
    remaining = 0 if refused else max(0, math.floor(quota.remaining))
    return [
        (b"ratelimit-policy", _policy(quota.limit, quota.per_s)),
        (b"ratelimit", b'"default";r=%d;t=%d' % (remaining, math.ceil(max(0.0, quota.reset_s)))),
    ]


@lru_cache(maxsize=_KNOWN_POLICIES)
def _policy(limit: float, per_s: float) -> bytes:
    return b'"default";q=%d;w=%d' % (math.floor(limit), math.ceil(per_s))


def retry_headers(decision: Decision) -> list[tuple[bytes, bytes]]:
    """Retry-After in whole seconds, rounded up; none where waiting does not help."""
    if not math.isfinite(decision.retry_after_s):
        return []
    return [(b"retry-after", b"%d" % max(1, math.ceil(decision.retry_after_s)))]


def passed_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The fields of the model server's answer that may reach the caller."""
    return [pair for pair in headers if pair[0] in PASSED_RESPONSE_HEADERS]


def merged(headers: Headers, changes: Mapping[bytes, bytes | None]) -> list[tuple[bytes, bytes]]:
    """The fields that may reach the caller, with the format's changes applied; None removes a field."""
    head = [pair for pair in headers if pair[0] in PASSED_RESPONSE_HEADERS and pair[0] not in changes]
    head += [(name, value) for name, value in changes.items() if value is not None]
    return head


def upstream_complaint(message: Message) -> str:
    """The model server's own words about a request that it rejected, shortened; a plain sentence where it has none.

    Only 4xx answers are read so: they speak of the caller's request. Stack traces and other fields are left behind.
    """
    default = "the model server did not accept the request"
    try:
        document = orjson.loads(message.body)
    except orjson.JSONDecodeError:
        return default
    if not isinstance(document, dict):
        return default
    error = document.get("error")
    nested = error.get("message") if isinstance(error, dict) else None
    for candidate in (nested, error, document.get("message"), document.get("detail")):
        if isinstance(candidate, str) and (sentence := plain_sentence(candidate)):
            return sentence
    return default
