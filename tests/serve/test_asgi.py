from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import BodyTooLarge, MalformedRequest
from moatkeeper.serve.asgi import ClientGone, Event, Receive, content_length, read_body, send_response

LIMIT = 32


def receiving(*events: Event) -> Receive:
    """A client that sends these events and then waits for ever."""
    waiting = list(events)

    async def receive() -> Event:
        if not waiting:
            await asyncio.get_running_loop().create_future()
        return waiting.pop(0)

    return receive


def piece(body: bytes, *, more: bool) -> Event:
    return {"type": "http.request", "body": body, "more_body": more}


def read(*events: Event, declared: bytes | None = None, limit: int = LIMIT) -> bytes:
    headers = ((b"content-length", declared),) if declared is not None else ()
    return asyncio.run(asyncio.wait_for(read_body(receiving(*events), headers, limit), 5))


@given(st.binary(max_size=2 * LIMIT), st.lists(st.integers(0, 2 * LIMIT), max_size=6))
def test_a_body_is_the_same_however_it_is_cut_and_never_longer_than_the_limit(body: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in pairwise(edges)]
    events = [piece(one, more=True) for one in pieces[:-1]] + [piece(pieces[-1], more=False)]
    if len(body) <= LIMIT:
        assert read(*events) == body
    else:
        with pytest.raises(BodyTooLarge):
            read(*events)


def test_a_declared_length_over_the_limit_is_refused_before_anything_is_read() -> None:
    with pytest.raises(BodyTooLarge, match="33 bytes, at most 32"):
        read(declared=b"33")


def test_a_body_that_grows_over_the_limit_is_refused_before_its_end() -> None:
    with pytest.raises(BodyTooLarge):
        read(piece(b"x" * LIMIT, more=True), piece(b"x", more=True), declared=b"1")


def test_a_client_that_leaves_in_the_middle_is_told_from_one_that_is_done() -> None:
    gone: Event = {"type": "http.disconnect"}
    for events in ([gone], [piece(b"half", more=True), gone]):
        with pytest.raises(ClientGone):
            read(*events)
    assert read({"type": "http.request"}) == b""


@pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"1.0", b"0x10", b"1, 1", b" 1", "\u0661".encode(), b"9" * 5000])
def test_a_length_that_is_no_plain_number_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedRequest):
        content_length(((b"content-length", value),))


def test_two_lengths_are_malformed_even_where_they_agree() -> None:
    with pytest.raises(MalformedRequest):
        content_length(((b"content-length", b"1"), (b"content-length", b"1")))


def test_one_length_is_read_and_none_is_none() -> None:
    assert content_length(((b"host", b"x"), (b"content-length", b"0017"))) == 17
    assert content_length(((b"host", b"x"),)) is None


def test_a_whole_response_says_its_length() -> None:
    sent: list[Event] = []

    async def send(event: Event) -> None:
        sent.append(event)

    asyncio.run(send_response(send, 200, [(b"content-type", b"text/plain")], b"four"))
    assert sent == [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"content-length", b"4")],
        },
        {"type": "http.response.body", "body": b"four"},
    ]
