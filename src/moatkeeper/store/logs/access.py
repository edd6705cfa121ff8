"""Access logs in JSON: who, when, which path, with what status and how many bytes; nothing of what was asked or answered.

So no detector of contents can speak: what is left is when and how regularly an address called.
"""

from __future__ import annotations

from collections.abc import Sequence

from moatkeeper.store.logs.base import Entry, Passed, Reading, Record, count_of, text_of
from moatkeeper.store.logs.times import moment

_FAILED_FROM = 400
_SUCCESS_FROM = 100
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SEGMENTS = 4
"""Of a path, that tell one model from another; further ones are mostly identities of single objects."""


def entry(
    record: Record,
    times: Sequence[str],
    paths: Sequence[str],
    statuses: Sequence[str],
    accounts: Sequence[str],
    addresses: Sequence[str],
    agents: Sequence[str],
) -> Reading:
    """The call in a line, with the path as the model; raises Unreadable."""
    status = count_of(_status(record, statuses))
    method, path = _target(record, paths)
    if status >= _FAILED_FROM or 0 <= status < _SUCCESS_FROM:
        return Passed("the call failed")
    if method in _READS:
        return Passed("no call to a model (GET, HEAD or OPTIONS)")
    found = next((record[name] for name in times if record.get(name) not in (None, "", "-")), None)
    return Entry(
        account=text_of(record, *accounts),
        at=moment(found, times[0]),
        model=path,
        request=text_of(record, "request_id", "x_request_id", "req_id"),
        key=text_of(record, "api_key_id", "key_id"),
        address=_address(text_of(record, *addresses)),
        agent=text_of(record, *agents),
    )


def _status(record: Record, names: Sequence[str]) -> object:
    return next((record[name] for name in names if name in record), -1)


def _target(record: Record, paths: Sequence[str]) -> tuple[str, str]:
    """The method and the path; nginx's ``request`` holds both and the protocol."""
    method, path = text_of(record, "method", "request_method"), text_of(record, *paths)
    words = text_of(record, "request").split(" ")
    if len(words) >= 2 and not path:
        method, path = method or words[0], words[1]
    path = path.split("?", 1)[0].rstrip("/") or "/"
    return method.upper(), "/".join(path.split("/")[: _SEGMENTS + 1])


def _address(text: str) -> str:
    """The last of forwarded addresses, without its port: the nearest proxy added it, the ones before may be made up."""
    last = text.rsplit(",", 1)[-1].strip()
    if last.startswith("["):
        return last[1:].split("]", 1)[0]
    return last.rsplit(":", 1)[0] if last.count(":") == 1 else last
