"""HTTP/1.1 heads: how a request is written so that nothing can be smuggled, and which framing of an answer is believed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from moatkeeper.errors import ConfigError, MalformedRequest, UpstreamBroken
from moatkeeper.wire.base import Headers

Fields = Sequence[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields that concern one connection only (RFC 9110, section 7.6.1), and never pass through in either direction."""

MAX_FIELDS: Final = 200
"""Fields in one head: twice what Apache takes of a request, so no honest model server comes near."""

_OURS: Final = frozenset({b"host", b"content-length", b"expect"})  # set here, or (expect) never sent: bodies are at hand
_BODILESS: Final = frozenset({b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"TRACE"})  # no Content-Length: 0 for these
_CONNECTION_OPTIONS: Final = frozenset({b"keep-alive", b"close"})
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET: Final = re.compile(rb"/[\x21-\x7e]*")
_NOT_CONTROL: Final = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
_MAX_KNOWN_NAMES: Final = 2048  # field names remembered as valid; an attacker who invents names fills no more than this
_MAX_KNOWN_TARGETS: Final = 1024
_MAX_KNOWN_BYTES: Final = 256  # of a target that is remembered; a hostile set of them fills half a megabyte


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the model server listens. ``prefix`` is the base URL's path without a slash at its end."""

    host: str
    port: int
    tls: bool
    authority: bytes
    prefix: bytes


def parse_origin(base_url: str) -> Origin:
    """The origin that a base URL names, such as ``http://127.0.0.1:8000``; raises ConfigError for anything else."""
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise _bad_url(base_url, str(error)) from error
    if parts.scheme not in ("http", "https"):
        raise _bad_url(base_url, "the scheme is neither http nor https")
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise _bad_url(base_url, "it needs a host, and takes no user, query or fragment")
    try:
        authority = parts.netloc.encode("ascii")
        prefix = parts.path.rstrip("/").encode("ascii")
    except UnicodeEncodeError as error:
        raise _bad_url(base_url, "it holds characters outside ASCII") from error
    if _TARGET.fullmatch(b"/" + authority) is None or _TARGET.fullmatch(b"/" + prefix) is None:
        raise _bad_url(base_url, "it holds spaces or control characters")
    tls = parts.scheme == "https"
    return Origin(parts.hostname, port or (443 if tls else 80), tls, authority, prefix)


def _bad_url(base_url: str, reason: str) -> ConfigError:
    return ConfigError(f"upstream URL {base_url!r}: {reason}", hint="expected something like http://127.0.0.1:8000")


class RequestWriter:
    """Writes request heads for one origin, with Host and Content-Length of its own making."""

    def __init__(self, origin: Origin) -> None:
        self._prefix = origin.prefix
        self._line_end = b" HTTP/1.1\r\nhost: " + origin.authority + b"\r\n"
        # A name as received -> what is written before its value, or empty: dropped. Spares a regex a field.
        self._known: dict[bytes, bytes] = {}
        # A method and a target that were found plain -> the line that says them. Spares two regexes a request.
        self._begun: dict[tuple[bytes, bytes], bytes] = {}

    def head(self, method: bytes, target: bytes, headers: Fields, length: int) -> bytes:
        """The request's head, empty line included; raises MalformedRequest for what could be read in two ways.

        ``length`` is the body's, in bytes. Hop-by-hop fields are dropped, and so are those that Connection names.
        """
        begun = self.begin(method, target, headers)
        return begun + (b"content-length: %d\r\n\r\n" % length if length or method not in _BODILESS else b"\r\n")

    def begin(self, method: bytes, target: bytes, headers: Fields) -> bytes:
        """The request's head without its length and without the empty line."""
        known = self._known
        pieces = [self._begun.get((method, target)) or self._line(method, target)]
        lines = 2  # request line, Host
        for name, value in headers:
            written = known.get(name)
            if written is None:
                written = self._learn(name)
            if written:
                pieces += (written, value, b"\r\n")
                lines += 1
            elif len(name) == len(b"connection") and name.lower() == b"connection":
                named = _named_by(value)
                if named:
                    return self.begin(method, target, _without(headers, named))
        head = b"".join(pieces)
        # Of all control characters exactly our own line ends are left: one look finds any CR, LF or NUL in a value.
        if head.translate(None, _NOT_CONTROL) != b"\r\n" * lines:
            raise MalformedRequest("a header field holds a control character")
        return head

    def _line(self, method: bytes, target: bytes) -> bytes:
        if _TOKEN.fullmatch(method) is None or method == b"CONNECT":
            raise MalformedRequest("the method is not one that can be forwarded")
        if _TARGET.fullmatch(target) is None:
            raise MalformedRequest("the target is not an absolute path of printable ASCII")
        begun = b"".join((method, b" ", self._prefix, target, self._line_end))
        if len(self._begun) < _MAX_KNOWN_TARGETS and len(target) <= _MAX_KNOWN_BYTES:
            self._begun[method, target] = begun
        return begun

    def _learn(self, name: bytes) -> bytes:
        lower = name.lower()
        if _TOKEN.fullmatch(name) is None:
            raise MalformedRequest("a header field's name is not a token")
        written = b"" if lower in HOP_BY_HOP or lower in _OURS else lower + b": "
        if len(self._known) < _MAX_KNOWN_NAMES:
            self._known[name] = written
        return written


def _named_by(connection: bytes) -> frozenset[bytes]:
    """The fields that a Connection value names, in lower case, beyond those that are dropped in any case."""
    options = frozenset(option.strip() for option in connection.lower().split(b","))
    return options - _CONNECTION_OPTIONS - HOP_BY_HOP - {b""}


def _without(headers: Fields, named: frozenset[bytes]) -> Fields:
    """The fields without those named. Other Connection fields stay, so that what they name is dropped in turn."""
    kept = []
    for name, value in headers:
        lower = name.lower()
        if lower == b"connection" and _named_by(value) <= named:
            continue
        if lower not in named:
            kept.append((name, value))
    return kept


class Framing(NamedTuple):
    """An answer's fields that concern the caller, and how long its body says it is: ``length``, chunks, or neither."""

    headers: Headers
    length: int | None
    chunked: bool


def framing(fields: list[tuple[bytes, bytes]], version: bytes) -> Framing:
    """What the fields of an answer's head say; names in lower case. Raises UpstreamBroken for what is ambiguous."""
    if len(fields) > MAX_FIELDS:
        raise UpstreamBroken(f"the answer's head has {len(fields)} fields, expected at most {MAX_FIELDS}")
    kept = []
    length: int | None = None
    chunked = False
    named: frozenset[bytes] = frozenset()
    for field in fields:
        name, value = field
        if name not in HOP_BY_HOP:
            kept.append(field)
            if name == b"content-length":
                if length is not None:
                    raise UpstreamBroken("the answer has two Content-Length fields")
                length = int(value)
        elif name == b"transfer-encoding":
            if chunked or value.strip().lower() != b"chunked":
                raise UpstreamBroken(f"the answer's transfer coding is {value!r}, expected 'chunked' and nothing else")
            chunked = True
        elif name == b"connection":
            named |= _named_by(value)
    if chunked and (length is not None or version != b"HTTP/1.1"):
        raise UpstreamBroken("the answer is chunked and has a Content-Length too, or is not HTTP/1.1")
    if named:
        kept = [field for field in kept if field[0] not in named]
    return Framing(tuple(kept), length, chunked)
