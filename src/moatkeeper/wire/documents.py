"""JSON documents on the wire: read strictly, written again from what was read, so that nobody reads them differently."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import orjson

from moatkeeper.core.contract import Contract
from moatkeeper.errors import MalformedRequest, UnexpectedAnswer, UnsupportedMedia
from moatkeeper.wire.base import Asked, Message, Stream, media_parameters, media_type

JSON_TYPES = frozenset({"application/json", "text/json", "application/x-www-form-urlencoded", ""})
"""Media types read as JSON: many clients of model servers send none, and `curl -d`, as their manuals use it, sends a form's.
The body has to be strict JSON whatever it is called, and goes on as application/json."""

_CACHED_TYPES = 64
"""Spellings of Content-Type remembered: there are few, and parsing one takes as long as parsing a small body."""

_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
_PLAIN_ENCODINGS = frozenset({b"", b"identity"})

FORWARD_JSON: Mapping[bytes, bytes | None] = {
    b"content-type": b"application/json",
    b"content-encoding": None,
    b"accept-encoding": b"identity",  # what arrives compressed could not be read, and so not be made less precise
    b"range": None,
}
"""Header fields of every JSON request to the model server: they say what the body is now, whatever the client said."""

_PLAIN_JSON = (True, True, True)

DELIVER_JSON: Mapping[bytes, bytes | None] = {b"content-type": b"application/json", b"content-encoding": None}
"""Header fields of every JSON answer to the caller."""


class Unary:
    """Part of a codec whose protocol has no streamed answers."""

    def stream(self, asked: Asked, contract: Contract) -> Stream:
        """Never called, as no request of these protocols asks for a stream."""
        raise UnexpectedAnswer(f"{asked.route.format} does not stream")


class _Form(NamedTuple):
    """How a body is written, by what its header says."""

    plain: bool  # not compressed
    utf8: bool
    json: bool


@lru_cache(maxsize=_CACHED_TYPES)
def _form(content_type: bytes | None, encoding: bytes | None) -> _Form:
    stated = Message(((b"content-type", content_type or b""), (b"content-encoding", encoding or b"")), b"")
    return _Form(
        stated.header(b"content-encoding").lower() in _PLAIN_ENCODINGS,
        media_parameters(stated).get("charset", "").lower() in _UTF8,
        media_type(stated) in JSON_TYPES,
    )


def _form_of(message: Message) -> _Form:
    first = dict(reversed(message.headers))  # of fields that come twice the first one counts
    return _form(first.get(b"content-type"), first.get(b"content-encoding"))


def require_plain(message: Message) -> None:
    """Raises UnsupportedMedia for a compressed request or one in another charset than UTF-8."""
    _check_plain(_form_of(message))


def _check_plain(form: _Form) -> None:
    if not form.plain:
        raise UnsupportedMedia("the request is compressed; send it with Content-Encoding: identity")
    if not form.utf8:
        raise UnsupportedMedia("the request is not in UTF-8")


def require_json(message: Message) -> None:
    """Raises UnsupportedMedia unless the request says that it is plain JSON in UTF-8, or says nothing."""
    form = _form_of(message)
    if form != _PLAIN_JSON:
        _check_plain(form)
        raise UnsupportedMedia("expected Content-Type: application/json")


def read_json(body: bytes) -> object:
    """The document of a request; raises MalformedRequest for anything but strict JSON (no NaN, no Infinity, no BOM).

    Where a key appears twice the last one counts, here and, because the body is written again, for the model server.
    """
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"the body is not valid JSON: {error}") from None
    return document


def write_request(document: object) -> bytes:
    """The bytes of a request's document; raises MalformedRequest where it is nested too deeply to be written."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        raise MalformedRequest("the body is nested too deeply") from None


def require_readable(reply: Message) -> None:
    """Raises UnexpectedAnswer for a compressed answer: what cannot be read cannot be made less precise."""
    _check_readable(_form_of(reply))


def _check_readable(form: _Form) -> None:
    if not form.plain:
        raise UnexpectedAnswer("the answer is compressed although identity was asked for")


def read_answer(reply: Message) -> object:
    """The document of an answer; raises UnexpectedAnswer for anything but plain JSON."""
    form = _form_of(reply)
    _check_readable(form)
    if not form.json:
        raise UnexpectedAnswer(f"expected a JSON answer, found {media_type(reply)}")
    return parse_answer(reply.body)


def parse_answer(body: bytes) -> object:
    """The document in an answer's JSON bytes; raises UnexpectedAnswer."""
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnexpectedAnswer(f"the answer is not valid JSON: {error}") from None
    return document


def write_answer(document: object) -> bytes:
    """The bytes of an answer's document; raises UnexpectedAnswer where it is nested too deeply to be written."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        raise UnexpectedAnswer("the answer is nested too deeply") from None
