from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from moatkeeper.serve import heads
from moatkeeper.serve.heads import Heads, cut
from moatkeeper.serve.protocol import Http
from tests.serve.wires import Answered, answered, connected, echo, responses, settled

FIELDS = st.lists(
    st.sampled_from(
        [
            b"host: x",
            b"x: content-length: 3",
            b"x-content-length: 3",
            b"X:",
            b"authorization: Bearer mk_one",
            b"authorization: Bearer mk_two",
            b"connection: close",
            b"connection: keep-alive",
            b"expect: 100-continue",
            b"content-length: 0",
            b"transfer-encoding: chunked",
        ]
    ),
    max_size=3,
)
NAMES = st.sampled_from(
    [b"content-length: ", b"Content-Length: ", b"CONTENT-LENGTH:", b"content-length:", b"content-length:  "]
)
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"])
BODIES = st.sampled_from([b"", b"a", b"abc", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"x" * 12])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request in one segment; its declared length is sometimes wrong, and its fields sometimes contradict it."""
    fields, body = draw(FIELDS), draw(BODIES)
    length = draw(
        st.sampled_from([b"%d" % len(body)] * 6 + [b"0%d" % len(body), b"+%d" % len(body), b"%d" % (len(body) + 1), b""])
    )
    at = draw(st.integers(0, len(fields)))
    lines = [*fields[:at], draw(NAMES) + length, *fields[at:]]
    return b"POST /p " + draw(VERSIONS) + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + body


async def on_one_server(segments: list[bytes]) -> list[Answered]:
    """What each segment is answered on a connection of its own, at one server."""
    state = ServerState()
    answers = []
    for raw in segments:
        made, wire, _ = connected(Http, echo, state=state)
        made.data_received(raw)
        await settled()
        closed = wire.closed
        made.connection_lost(None)
        await settled()
        answers.append(Answered(tuple(responses(wire.written)), closed))
    return answers


@given(st.lists(requests(), min_size=1, max_size=6))
def test_a_server_that_knows_heads_answers_as_one_that_sees_each_for_the_first_time(segments: list[bytes]) -> None:
    twice = [*segments, *segments]
    alone = [answered(Http, [raw]) for raw in twice]
    assert asyncio.run(on_one_server(twice)) == alone


def test_a_head_is_read_once_and_known_with_any_length_of_body() -> None:
    async def main() -> list[str]:
        made, wire, _ = connected(Http, echo)
        for body in (b"one", b"three", b"", b"x" * 1000):
            made.data_received(b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            await settled()
            if isinstance(made, Http):
                made._parser = None  # from here on nothing can be read that is not known
        made.connection_lost(None)
        return [bytes.fromhex(json.loads(body)[-1]).decode() for _, body in responses(wire.written)]

    assert asyncio.run(main()) == ["one", "three", "", "x" * 1000]


def test_a_head_that_differs_in_one_byte_is_another() -> None:
    first = cut(b"POST / HTTP/1.1\r\nauthorization: a\r\ncontent-length: 1\r\n\r\nx")
    other = cut(b"POST / HTTP/1.1\r\nauthorization: b\r\ncontent-length: 1\r\n\r\nx")
    longer = cut(b"POST / HTTP/1.1\r\nauthorization: a\r\ncontent-length: 2\r\n\r\nxy")
    assert first is not None
    assert other is not None
    assert longer is not None
    assert first.shape != other.shape
    assert first.shape == longer.shape
    assert (first.body, longer.body) == (b"x", b"xy")


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\nxy",
        b"POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\nx",
        b"POST / HTTP/1.1\r\ncontent-length: 1 \r\n\r\nx",
        b"POST / HTTP/1.1\r\ncontent-length: \xb2\r\n\r\nxy",
        b"POST / HTTP/1.1\r\ncontent-length: 00000000000000000001\r\n\r\nx",
        b"POST / HTTP/1.1\r\nx: content-length: 1\r\n\r\nx",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nx: " + b"a" * heads.MAX_KNOWN_BYTES + b"\r\ncontent-length: 1\r\n\r\nx",
    ],
    ids=lambda raw: repr(raw[:70]),
)
def test_what_is_not_one_whole_request_with_a_plain_length_goes_to_the_parser(raw: bytes) -> None:
    assert cut(raw) is None


def test_heads_are_few_and_forgotten_in_time() -> None:
    known = Heads()

    def learn(shape: bytes) -> None:
        known.learn(shape, "POST", "/", b"", ((b"content-length", b"1"),), {})

    for number in range(3 * heads.MAX_KNOWN):
        learn(b"%d" % number)
    assert sum(known.get(b"%d" % number) is not None for number in range(3 * heads.MAX_KNOWN)) <= heads.MAX_KNOWN
    known.sweep(100.0)
    learn(b"new")
    known.sweep(100.0 + heads.MAX_AGE_S / 2)
    assert known.get(b"new") is not None
    known.sweep(100.0 + heads.MAX_AGE_S)
    assert known.get(b"new") is None
