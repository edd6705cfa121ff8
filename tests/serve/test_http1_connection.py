"""One connection, fed exact bytes without a socket: framing, strictness, and that segments never matter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import UpstreamBroken
from moatkeeper.serve.http1_connection import HIGH_WATER_BYTES, ClosedBeforeAnswer, Connection
from moatkeeper.serve.http1_reply import Reply
from moatkeeper.serve.outbox import Outbox

MAX_HEAD_BYTES = 2048
FOREVER_S = 60.0
LIMIT_BYTES = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Wire:
    """The transport and the owner of one connection, keeping what was done to them."""

    def __init__(self) -> None:
        self.written = b""
        self.unwritten_bytes = 0
        self.aborted = False
        self.closed = False
        self.reading = True
        self.released_times = 0
        self.lost_times = 0

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, pieces: Sequence[bytes]) -> None:
        self.written += b"".join(pieces)

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.aborted or self.closed

    def get_write_buffer_size(self) -> int:
        return self.unwritten_bytes

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def released(self, connection: Connection) -> None:
        self.released_times += 1

    def lost(self, connection: Connection) -> None:
        self.lost_times += 1


@dataclass(frozen=True)
class Heard:
    """What one request made of some bytes: the answer or why there is none, and whether the connection is used again."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    error: str
    pooled: bool


def begin(wire: Wire, *, head_only: bool = False) -> tuple[Connection, Reply]:
    """A connection on which a request has been sent, and its reply."""
    connection, reply, outbox = post(wire, head_only=head_only)
    outbox.flush()
    return connection, reply


def post(wire: Wire, *, head_only: bool = False) -> tuple[Connection, Reply, Outbox]:
    """The same, with the request still among those that wait to be sent."""
    outbox, loop = Outbox(), asyncio.get_running_loop()
    connection = Connection(wire, loop, idle_s=FOREVER_S, max_head_bytes=MAX_HEAD_BYTES, outbox=outbox)
    connection.connection_made(cast(asyncio.Transport, wire))
    return connection, connection.send(b"request", b"", head_only=head_only, within_s=FOREVER_S), outbox


def hear(*segments: bytes, head_only: bool = False, end: Exception | bool = False) -> Heard:
    """Feeds the segments; ``end`` then closes the connection: True in good order, else with that error."""

    async def play() -> Heard:
        wire = Wire()
        connection, reply = begin(wire, head_only=head_only)
        for segment in segments:
            if not wire.is_closing():
                connection.data_received(segment)
        if wire.aborted or end:
            connection.connection_lost(end if isinstance(end, Exception) else None)
        body, error = b"", reply.error
        if error is None and reply.complete:
            body = await reply.body(LIMIT_BYTES)
        waiting = "waiting" if error is None and not reply.complete else ""
        name = type(error).__name__ if error is not None else waiting
        assert wire.released_times <= 1
        return Heard(reply.status, reply.headers, body, name, bool(wire.released_times) and connection.usable)

    return asyncio.run(play())


BROKEN = UpstreamBroken.__name__

WHOLE = {
    "content-length": OK + b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
    "empty": OK + b"Content-Length: 0\r\n\r\n",
    "chunked": CHUNKED + b"5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n",
    "chunked with line ends inside": CHUNKED + b"4\r\n\r\n\r\n\r\n0\r\n\r\n",
    "chunk extensions and trailers": CHUNKED + b"5;a=b\r\nhello\r\n0;c\r\nX-Sum: 1\r\nX-Two: 2\r\n\r\n",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    + OK
    + b"Content-Length: 2\r\n\r\nhi",
    "204": b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    "304 with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "close": OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "two answers": (OK + b"Content-Length: 2\r\n\r\nhi") * 2,
    "a line end too many": OK + b"Content-Length: 2\r\n\r\n\r\n\r\n",
    "a line end too many after chunks": CHUNKED + b"2\r\nhi\r\n0\r\n\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    "bad chunk": CHUNKED + b"2\r\nhixx\r\n0\r\n\r\n",
    "garbage": b"xx" + OK + b"\r\n",
}
"""Answers and faults of every kind, for the law about segments."""


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_segments_never_change_what_is_heard(name: str, cuts: list[int], byte_by_byte: bool) -> None:
    data = WHOLE[name]
    places = range(1, len(data)) if byte_by_byte else sorted({cut for cut in cuts if 0 < cut < len(data)})
    edges = [0, *places, len(data)]
    pieces = [data[start:stop] for start, stop in pairwise(edges)]
    whole, cut = hear(data), hear(*pieces)
    assert (cut.status, cut.headers, cut.body, cut.error) == (whole.status, whole.headers, whole.body, whole.error)
    assert cut.pooled == whole.pooled


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_any_body_comes_back_whatever_its_chunks(body: bytes, sizes: list[int]) -> None:
    coded, rest = b"", body
    for size in sizes * (len(body) + 1):
        if not rest:
            break
        coded += b"%x\r\n%b\r\n" % (len(rest[:size]), rest[:size])
        rest = rest[size:]
    assert hear(CHUNKED + coded + b"0\r\n\r\n") == Heard(200, (), body, "", pooled=True)
    head = OK + b"Content-Length: %d\r\n\r\n" % len(body)
    assert hear(head, body).body == body if body else hear(head).pooled


@given(st.binary(max_size=200))
def test_no_bytes_whatever_make_a_connection_raise(noise: bytes) -> None:
    for data in (noise, OK + noise, OK + b"\r\n" + noise, CHUNKED + noise):
        assert hear(data, end=True).error in ("", BROKEN)


def test_a_plain_answer_is_read_and_its_connection_kept() -> None:
    heard = hear(WHOLE["content-length"])
    assert heard == Heard(200, ((b"content-type", b"text/plain"), (b"content-length", b"5")), b"hello", "", pooled=True)


@pytest.mark.parametrize(
    ("data", "head_only", "body"),
    [
        (WHOLE["chunk extensions and trailers"], False, b"hello"),
        (WHOLE["interim answers"], False, b"hi"),
        (WHOLE["204"], False, b""),
        (WHOLE["304 with a length"], False, b""),
        (OK + b"Content-Length: 9\r\n\r\n", True, b""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", True, b""),
    ],
)
def test_answers_of_unusual_framing_end_where_they_should(data: bytes, head_only: bool, body: bytes) -> None:
    heard = hear(data, head_only=head_only)
    assert (heard.body, heard.error, heard.pooled) == (body, "", True)


def test_hop_by_hop_fields_and_trailers_never_reach_the_caller() -> None:
    head = OK + b"Connection: x-private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nX-Kept:  2 \r\nContent-Length: 0\r\n\r\n"
    assert hear(head).headers == ((b"x-kept", b"2"), (b"content-length", b"0"))
    assert hear(WHOLE["chunk extensions and trailers"]).headers == ()


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        OK + b"Content-Length: 2, 2\r\n\r\nhi",
        OK + b"Content-Length: +2\r\n\r\nhi",
        OK + b"Content-Length: -2\r\n\r\nhi",
        OK + b"Content-Length:\r\n\r\nhi",
        OK + b"Content-Length : 2\r\n\r\nhi",
        OK + b"Content-Length:\r\n 2\r\n\r\nhi",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: xchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\nhi\r\n0\r\n\r\n",
        CHUNKED + b" 2\r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"2 \r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"-2\r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"\r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"fffffffffffffffff\r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"2\nhi\n0\n\n",
        CHUNKED + b"2\r\nhi0\r\n\r\n",
        CHUNKED + b"2\r\nhi\r\n0\r\nContent-Length: 4\r\n\r\n",
        b"xx" + OK + b"Content-Length: 2\r\n\r\nhi",
        b"\r\n" + OK + b"Content-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
        OK + b"A: b\nContent-Length: 2\r\n\r\nhi",
        OK + b"A: b\rContent-Length: 2\r\n\r\nhi",
        OK + b"A: b\r\n c\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"A: b\0c\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"A b: c\r\nContent-Length: 2\r\n\r\nhi",
        OK + b": c\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"no colon\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"ICE/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 100 Continue\r\n\r\nICE/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhi",
        OK + b"A: " + b"b" * MAX_HEAD_BYTES + b"\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"A: " + b"b" * MAX_HEAD_BYTES,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
        OK + b"a:b\r\n" * 201 + b"Content-Length: 2\r\n\r\nhi",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_and_the_connection_closed(data: bytes) -> None:
    for heard in (hear(data), hear(*(data[i : i + 1] for i in range(len(data))))):
        assert heard.error == BROKEN
        assert not heard.pooled


@pytest.mark.parametrize(
    "name", ["two answers", "a line end too many", "a line end too many after chunks", "close", "HTTP/1.0"]
)
def test_the_answer_stands_but_its_connection_is_not_used_again(name: str) -> None:
    heard = hear(WHOLE[name])
    assert heard.error == ""
    assert heard.body in (b"hi", b"\r\n")
    assert not heard.pooled


@pytest.mark.parametrize("head_only", [True, False])
def test_a_body_where_none_may_be_closes_the_connection(head_only: bool) -> None:
    status = b"HTTP/1.1 200 OK" if head_only else b"HTTP/1.1 304 Not Modified"
    for extra in (b"hello", b"\r\n", WHOLE["two answers"]):
        heard = hear(status + b"\r\nContent-Length: 5\r\n\r\n" + extra, head_only=head_only)
        assert (heard.body, heard.error, heard.pooled) == (b"", "", False)


def test_bytes_on_an_idle_connection_close_it() -> None:
    async def play() -> None:
        wire = Wire()
        connection, _ = begin(wire)
        connection.data_received(WHOLE["content-length"])
        assert connection.usable
        connection.data_received(b"HTTP/1.1 200 OK\r\n")
        assert wire.aborted
        assert not connection.usable

    asyncio.run(play())


def test_a_connection_is_used_again_after_every_framing_that_allows_it() -> None:
    async def play() -> None:
        wire = Wire()
        connection, reply, outbox = post(wire)
        for name in ("chunked", "interim answers", "204", "content-length", "304 with a length", "empty") * 2:
            outbox.flush()
            connection.data_received(WHOLE[name])
            assert reply.complete
            reply = connection.send(b"", b"", head_only=True, within_s=FOREVER_S)
            outbox.flush()
            connection.data_received(OK + b"Content-Length: 7\r\n\r\n")
            assert reply.complete
            reply = connection.send(b"", b"", head_only=False, within_s=FOREVER_S)
        assert not wire.aborted

    asyncio.run(play())


def test_an_answer_that_overtakes_its_request_leaves_the_connection_unusable() -> None:
    async def play() -> None:
        wire = Wire()
        connection, reply = begin(wire)
        wire.unwritten_bytes = 1
        connection.data_received(WHOLE["content-length"])
        assert await reply.body(LIMIT_BYTES) == b"hello"
        assert wire.aborted
        assert not wire.released_times

    asyncio.run(play())


def test_the_end_of_the_connection_ends_only_a_body_of_no_declared_length() -> None:
    until_close = OK + b"\r\nhello"
    assert hear(until_close, end=True) == Heard(200, (), b"hello", "", pooled=False)
    assert hear(until_close).error == "waiting"
    assert hear(until_close, end=ConnectionResetError()).error == BROKEN
    assert hear(OK + b"Content-Length: 9\r\n\r\nhello", end=True).error == BROKEN
    assert hear(CHUNKED + b"5\r\nhello\r\n", end=True).error == BROKEN
    assert hear(OK, end=True).error == BROKEN
    assert hear(end=True).error == ClosedBeforeAnswer.__name__


def test_trailers_and_chunk_extensions_without_end_are_cut_off() -> None:
    for endless in (CHUNKED + b"5;", CHUNKED + b"0\r\nX: "):
        filler = [b"a" * 512] * (MAX_HEAD_BYTES // 512 + 2)
        assert hear(endless, *filler).error == BROKEN
    long_but_moving = [b"1;" + b"a" * 512 + b"\r\nb\r\n"] * 10
    assert hear(CHUNKED, *long_but_moving, b"0\r\n\r\n").body == b"b" * 10


def test_reading_stops_while_nobody_takes_and_goes_on_when_somebody_does() -> None:
    async def play() -> None:
        wire = Wire()
        connection, reply = begin(wire)
        connection.data_received(OK + b"Content-Length: %d\r\n\r\n" % LIMIT_BYTES)
        piece = b"x" * (HIGH_WATER_BYTES // 2)
        for _ in range(3):
            connection.data_received(piece)
        reading = [wire.reading]
        chunks = reply.chunks()
        assert await anext(chunks) == piece * 3
        assert [*reading, wire.reading] == [False, True]
        connection.data_received(piece)
        assert await anext(chunks) == piece
        await reply.aclose()
        assert wire.aborted

    asyncio.run(play())


def test_a_whole_body_is_not_held_back_below_its_limit_and_is_given_up_above_it() -> None:
    async def play(limit: int) -> bytes:
        wire = Wire()
        connection, reply = begin(wire)
        connection.data_received(CHUNKED)
        body = asyncio.create_task(reply.body(limit))
        for _ in range(4):
            await asyncio.sleep(0)
            if not wire.aborted:
                assert wire.reading
                connection.data_received(b"%x\r\n%b\r\n" % (HIGH_WATER_BYTES, b"x" * HIGH_WATER_BYTES))
        await asyncio.sleep(0)
        if not wire.aborted:
            connection.data_received(b"0\r\n\r\n")
        return await body

    assert len(asyncio.run(play(4 * HIGH_WATER_BYTES))) == 4 * HIGH_WATER_BYTES
    with pytest.raises(UpstreamBroken, match="longer than"):
        asyncio.run(play(3 * HIGH_WATER_BYTES))


def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes() -> None:
    async def play() -> None:
        wire = Wire()
        connection, reply = begin(wire)
        connection.data_received(OK + b"Content-Length: 6\r\n\r\nhel")
        with pytest.raises(UpstreamBroken, match="longer than 5"):
            await reply.body(5)
        assert wire.aborted

    asyncio.run(play())


def test_what_came_before_the_fault_is_handed_out_before_it_is_raised() -> None:
    async def play() -> None:
        wire = Wire()
        connection, reply = begin(wire)
        connection.data_received(CHUNKED + b"5\r\nhello\r\n")
        connection.connection_lost(None)
        chunks = reply.chunks()
        assert await anext(chunks) == b"hello"
        with pytest.raises(UpstreamBroken, match="in the middle"):
            await anext(chunks)

    asyncio.run(play())


def test_an_answer_to_a_request_that_has_not_gone_out_is_nobodys() -> None:
    async def main() -> tuple[str, bytes]:
        wire = Wire()
        connection, reply, outbox = post(wire)
        connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        outbox.flush()
        return str(reply.error), bytes(wire.written)

    error, written = asyncio.run(main())
    assert error == "bytes arrived that no request asked for"
    assert written == b""
