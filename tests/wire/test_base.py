from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.wire.base import Message, media_parameters, media_type


@given(st.binary(max_size=60))
def test_any_content_type_can_be_asked_for_its_parts(value: bytes) -> None:
    message = Message(((b"content-type", value),), b"")
    assert media_type(message) == media_type(message).lower()
    assert b";" not in media_type(message).encode()
    assert all(name == name.lower() for name in media_parameters(message))


def test_a_content_type_has_a_type_and_parameters() -> None:
    message = Message(((b"content-type", b'Text/CSV; Charset="UTF-8" ; header=present'),), b"")
    assert media_type(message) == "text/csv"
    assert media_parameters(message) == {"charset": "UTF-8", "header": "present"}


def test_a_message_without_a_field_has_it_empty() -> None:
    message = Message(((b"accept", b" a "), (b"accept", b"b")), b"")
    assert (message.header(b"accept"), message.header(b"range")) == (b"a", b"")
