from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import MalformedRequest, UnsupportedMedia
from moatkeeper.wire.base import Message
from moatkeeper.wire.documents import FORWARD_JSON, read_json, require_json, write_request


def message(content_type: bytes, encoding: bytes = b"") -> Message:
    headers = [(b"content-type", content_type)] if content_type else []
    return Message((*headers, (b"content-encoding", encoding)) if encoding else tuple(headers), b"{}")


@given(st.binary(max_size=100))
def test_arbitrary_bytes_are_json_or_malformed(body: bytes) -> None:
    try:
        document = read_json(body)
    except MalformedRequest:
        return
    assert json.loads(write_request(document)) == json.loads(body)


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"[Infinity]", b"\xef\xbb\xbf{}", b"[1,]", b'"\xff"', b'{"a": 01}'])
def test_what_is_not_strict_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read_json(body)


def test_of_a_key_given_twice_everybody_sees_the_last() -> None:
    assert write_request(read_json(b'{"n": 1, "n": 2}')) == b'{"n":2}'


@pytest.mark.parametrize(
    "content_type",
    [b"", b"application/json", b"APPLICATION/JSON; charset=UTF-8", b"text/json", b"application/x-www-form-urlencoded"],
)
def test_json_is_taken_under_the_names_that_clients_give_it(content_type: bytes) -> None:
    require_json(message(content_type))


@pytest.mark.parametrize("content_type", [b"text/xml", b"multipart/form-data", b"application/json; charset=utf-16"])
def test_other_media_types_and_charsets_are_refused(content_type: bytes) -> None:
    with pytest.raises(UnsupportedMedia):
        require_json(message(content_type))


def test_a_compressed_request_is_refused_and_a_compressed_answer_is_not_asked_for() -> None:
    with pytest.raises(UnsupportedMedia):
        require_json(message(b"application/json", b"gzip"))
    assert FORWARD_JSON[b"accept-encoding"] == b"identity"
