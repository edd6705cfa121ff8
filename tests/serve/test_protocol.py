from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from moatkeeper.serve import protocol, watch
from moatkeeper.serve.asgi import Receive, Scope, Send, send_response
from moatkeeper.serve.protocol import MAX_HEAD_BYTES, MAX_PIPELINED, Http
from tests.serve.wires import Wire, answered, connected, echo, settled, told

GET = b"GET /a?b=1 HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nbo\r\n2;e=1\r\ndy\r\n0\r\nx-trailer: 1\r\n\r\n"
)


def statuses(*pieces: bytes, patient: bool = True) -> list[int]:
    return [status for status, _ in answered(Http, pieces, patient=patient).answers]


def heard(raw: bytes) -> list[object]:
    """What the application was asked, in JSON's terms."""
    result = answered(Http, [raw])
    return [json.loads(body) for body in result.served]


@pytest.mark.parametrize("raw", [GET, POST, CHUNKED, GET + POST + CHUNKED + GET], ids=["get", "post", "chunked", "all"])
def test_requests_are_understood_alike_however_they_are_cut(raw: bytes) -> None:
    whole = answered(Http, [raw])
    assert len(whole.served) == raw.count(b"host: x")
    for at in range(1, len(raw)):
        assert answered(Http, [raw[:at], raw[at:]]) == whole, raw[:at]
    assert answered(Http, [raw[at : at + 1] for at in range(len(raw))]) == whole


def test_a_body_is_handed_over_as_it_came_and_trailers_are_not_headers() -> None:
    assert heard(CHUNKED) == [["POST", "/c", "/c", "", [["host", "x"], ["transfer-encoding", "chunked"]], b"body".hex()]]


def test_pipelined_requests_are_answered_in_their_order() -> None:
    raw = b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % number for number in range(8))
    assert [json.loads(body)[1] for body in answered(Http, [raw]).served] == [f"/{number}" for number in range(8)]


def test_more_pipelined_requests_than_anybody_sends_are_not_kept() -> None:
    result = answered(Http, [GET * (MAX_PIPELINED + 10)])
    assert len(result.served) == MAX_PIPELINED
    assert (result.answers[-1][0], result.closed) == (400, True)


def test_a_second_request_waits_unread_while_the_first_is_answered() -> None:
    async def main() -> tuple[bool, bool]:
        gate = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await gate.wait()
            await send_response(send, 200, [], b"")

        made, wire, _ = connected(Http, slow)
        made.data_received(GET + GET[:10])
        await settled()
        made.data_received(GET[10:])
        paused = wire.paused
        gate.set()
        await settled()
        made.connection_lost(None)
        return paused, wire.paused

    assert asyncio.run(main()) == (True, False)


SMUGGLED = [
    b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    b"content-length: 4\r\ncontent-length: 4\r\n\r\nbody",
    b"content-length: 4\r\ncontent-length: 5\r\n\r\nbody",
    b"content-length: +4\r\n\r\nbody",
    b"content-length: 4, 4\r\n\r\nbody",
    b"content-length: \r\n\r\nbody",
    b"content-length : 4\r\n\r\nbody",
    b"content-length: 99999999999999999999999\r\n\r\nbody",
    b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"transfer-encoding: identity\r\n\r\n",
    b"transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    b"x: y\r\n folded\r\n\r\n",
    b"x: y\rz: 1\r\n\r\n",
    b"x: y\nz: 1\r\n\r\n",
    b"x: \x00\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n4 \r\nbody\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n0x4\r\nbody\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n4\nbody\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n4\r\nbodyX\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n-4\r\nbody\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n10000000000000004\r\nbody\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("rest", SMUGGLED, ids=lambda rest: repr(rest[:60]))
@pytest.mark.parametrize("cut", [False, True], ids=["at once", "byte by byte"])
def test_whatever_two_servers_may_frame_differently_is_refused_and_ends_the_connection(rest: bytes, cut: bool) -> None:
    raw = b"POST /first HTTP/1.1\r\nhost: x\r\n" + rest + b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
    result = answered(Http, [raw[at : at + 1] for at in range(len(raw))] if cut else [raw])
    assert result.closed
    assert [status for status, _ in result.answers] == [400]


@pytest.mark.parametrize(
    "line",
    [
        b"GET /\r\n", b"GET / HTTP/0.9\r\n", b"GET / HTTP/2.0\r\n", b"GET / HTTP/1.1 \r\n", b"GET / HTTP/1.1\n",
        b"NONSENSE / HTTP/1.1\r\n", b"GET /\xff HTTP/1.1\r\n", b"CONNECT x:80 HTTP/1.1\r\n", b"GET / HTTP/1.10\r\n",
        b"PRI * HTTP/2.0\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=repr,
)  # fmt: skip
def test_a_line_that_is_no_request_of_http_1_is_refused(line: bytes) -> None:
    result = answered(Http, [line + b"host: x\r\n\r\n"])
    assert (result.served, result.closed) == ((), True)
    assert [status for status, _ in result.answers] == [400]


def test_chunks_in_http_1_0_are_refused() -> None:
    assert statuses(CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0")) == [400]


def test_what_cannot_be_read_is_answered_after_all_that_could_be() -> None:
    result = answered(Http, [GET + POST + b"BROKEN\r\n\r\n" + GET])
    assert [status for status, _ in result.answers] == [200, 200, 400]
    assert result.closed


def test_a_request_that_is_never_whole_is_not_begun_when_its_turn_comes() -> None:
    broken = CHUNKED.replace(b"2;e=1\r\n", b"zz\r\n")
    assert statuses(GET + broken, patient=False) == [200, 400]


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"], ids=["close", "1.0"]
)
def test_nothing_is_read_after_the_last_request_of_a_connection(head: bytes) -> None:
    result = answered(Http, [head + GET])
    assert (len(result.answers), result.closed) == (1, True)
    assert (len(answered(Http, [head, GET]).answers)) == 1


def test_an_offer_to_speak_another_protocol_is_not_taken_and_ends_the_connection() -> None:
    offer = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    result = answered(Http, [offer + GET])
    assert (len(result.served), result.closed) == (1, True)


def test_a_client_that_asks_before_it_sends_is_told_to_go_on_once_somebody_reads() -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    assert asyncio.run(told(Http, [head])).written == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert asyncio.run(told(Http, [head, b"ab"])).written.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert asyncio.run(told(Http, [head + b"ab"])).written.startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_answer_to_head_has_no_body() -> None:
    raw = GET.replace(b"GET", b"HEAD")
    written = asyncio.run(told(Http, [raw + GET])).written
    first, second = written.split(b"\r\n\r\n", 1)
    assert b"content-length: " in first
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")


def filler(size: int) -> bytes:
    return b"x-filler: " + b"a" * (size - 12) + b"\r\n"


def test_a_head_that_grows_past_the_limit_is_refused_and_its_connection_closed() -> None:
    pieces = [b"GET / HTTP/1.1\r\nhost: x\r\n", *[filler(4096)] * (MAX_HEAD_BYTES // 4096 + 3)]
    result = answered(Http, pieces)
    assert [status for status, _ in result.answers] == [431]
    assert result.closed


def test_a_head_that_is_too_long_is_refused_also_where_it_comes_in_one_piece() -> None:
    head = b"GET / HTTP/1.1\r\nhost: x\r\n"
    assert statuses(head + filler(MAX_HEAD_BYTES) + b"\r\n" + GET) == [431]
    assert statuses(head + filler(MAX_HEAD_BYTES - 200) + b"\r\n" + GET) == [200, 200]


def test_a_long_body_is_no_long_head() -> None:
    body = [b"a" * 65_536] * 4
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (4 * 65_536)
    assert statuses(head, *body, GET) == [200, 200]
    assert statuses(head + b"".join(body) + GET) == [200, 200]


@pytest.mark.parametrize("endless", [b"x-trailer: " + b"a" * 4096 + b"\r\n", b"a" * 4096], ids=["trailers", "extension"])
def test_a_chunked_body_whose_trailers_or_extensions_do_not_end_is_broken_off(endless: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"
    start = b"0\r\n" if endless.startswith(b"x-") else b"1;"
    result = answered(Http, [head, start, *[endless] * (MAX_HEAD_BYTES // 4096 + 3)])
    assert (result.served, result.closed) == ((), True)


def test_the_next_request_of_a_connection_has_a_limit_of_its_own() -> None:
    requests = [b"GET / HTTP/1.1\r\nhost: x\r\n" + filler(40_000) + b"\r\n"] * 3
    assert statuses(*requests) == [200, 200, 200]


def test_a_body_that_nobody_reads_is_not_taken_in_without_end() -> None:
    async def main() -> bool:
        async def idle(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.get_running_loop().create_future()

        made, wire, state = connected(Http, idle)
        made.data_received(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n" + b"a" * 70_000)
        await settled()
        made.data_received(b"a")
        paused = wire.paused
        for task in state.tasks:
            task.cancel()
        made.connection_lost(None)
        return paused

    assert asyncio.run(main())


async def expired(pieces: Sequence[bytes], wire_after: int = 0) -> Wire:
    """A wire on which nothing happens after these pieces, once the watch has looked at it."""
    made, wire, _ = connected(Http, echo, timeout_keep_alive=0)
    for piece in pieces:
        made.data_received(piece)
        await settled()
    wire.stuck = wire_after
    for _ in range(400):
        if wire.aborted or (wire.closed and not wire_after):
            break
        await asyncio.sleep(0.005)
    made.connection_lost(None)
    return wire


@pytest.mark.parametrize(
    "begun", [[], [b"GET / HTTP/1.1\r\nhost"], [GET], [GET, GET[:5]], [b"\r\n"]], ids=["silent", "head", "idle", "next", "line"]
)
def test_a_connection_on_which_nothing_comes_is_closed_in_time(begun: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.02)
    monkeypatch.setattr(watch, "SWEEP_S", 0.01)
    assert asyncio.run(expired(begun)).closed


def test_a_head_that_comes_a_byte_at_a_time_has_no_more_time_than_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.1)
    monkeypatch.setattr(watch, "SWEEP_S", 0.01)

    async def main() -> bool:
        made, wire, _ = connected(Http, echo)
        for byte in b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 200:
            made.data_received(bytes([byte]))
            await asyncio.sleep(0.005)
            if wire.closed:
                break
        made.connection_lost(None)
        return wire.closed

    assert asyncio.run(main())


def test_a_client_that_takes_nothing_is_cut_off_and_one_that_takes_slowly_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SWEEP_S", 0.01)
    monkeypatch.setattr(protocol, "STALL_S", 0.03)
    assert asyncio.run(expired([GET], wire_after=100)).aborted

    async def main() -> bool:
        made, wire, _ = connected(Http, echo, timeout_keep_alive=0)
        made.data_received(GET)
        await settled()
        for left in range(40, 0, -1):
            wire.stuck = left
            await asyncio.sleep(0.01)
        cut = wire.aborted
        made.connection_lost(None)
        return cut

    assert not asyncio.run(main())


def test_an_application_that_writes_waits_for_a_client_that_does_not_read() -> None:
    async def main() -> list[int]:
        sent = 0

        async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal sent
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(5):
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                sent += 1
            await send({"type": "http.response.body", "body": b""})

        made, wire, _ = connected(Http, streaming)
        if not isinstance(made, Http):
            raise TypeError
        made.pause_writing()
        made.data_received(GET)
        await settled()
        before = sent
        made.resume_writing()
        await settled()
        assert wire.written.endswith(b"\r\n\r\n" + b"1\r\nx\r\n" * 5 + b"0\r\n\r\n")
        made.connection_lost(None)
        return [before, sent]

    assert asyncio.run(main()) == [0, 5]


@pytest.mark.parametrize("status", [None, 200], ids=["before its answer", "in the middle of its answer"])
def test_an_application_that_fails_is_no_answer_that_could_be_taken_for_whole(status: int | None) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        if status is not None:
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise LookupError("secret")

    wire = asyncio.run(told(Http, [GET + GET], failing))
    assert wire.closed
    assert b"secret" not in wire.written
    assert wire.written.count(b"HTTP/1.1") == 1
    assert wire.written.startswith(b"HTTP/1.1 500" if status is None else b"HTTP/1.1 200")


@pytest.mark.parametrize("field", [(b"x", b"a\r\nb: c"), (b"x\r\ny", b"a"), (b"x", b"a\nb"), (b"x", b"\x00")], ids=repr)
def test_no_field_of_an_answer_can_become_two(field: tuple[bytes, bytes]) -> None:
    async def splitting(scope: Scope, receive: Receive, send: Send) -> None:
        await send_response(send, 200, [field], b"")

    written = asyncio.run(told(Http, [GET], splitting)).written
    assert b"HTTP/1.1 200" not in written
    assert b"b: c" not in written


def test_a_client_that_leaves_is_told_to_the_application() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def listening(scope: Scope, receive: Receive, send: Send) -> None:
            for _ in range(2):
                seen.append((await receive())["type"])

        made, _, state = connected(Http, listening)
        made.data_received(GET)
        await settled()
        made.eof_received()
        made.connection_lost(None)
        await settled()
        assert not state.tasks
        assert not state.connections
        return seen

    assert asyncio.run(main()) == ["http.request", "http.disconnect"]


def test_a_server_that_stops_answers_what_is_in_flight_and_closes_what_is_idle() -> None:
    async def main() -> tuple[bool, bool, Wire]:
        gate = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await gate.wait()
            await echo(scope, receive, send)

        idle, idle_wire, _ = connected(Http, slow)
        busy, busy_wire, _ = connected(Http, slow)
        busy.data_received(GET + POST)
        await settled()
        for made in (idle, busy):
            if isinstance(made, Http):
                made.shutdown()
        early = (idle_wire.closed, busy_wire.closed)
        gate.set()
        await settled()
        busy.connection_lost(None)
        return *early, busy_wire

    idle_closed, busy_closed, wire = asyncio.run(main())
    assert (idle_closed, busy_closed) == (True, False)
    assert wire.written.count(b"HTTP/1.1 200 OK") == 2
    assert wire.closed


def test_more_connections_than_may_be_are_told_to_come_back() -> None:
    async def main() -> list[bytes]:
        made, first, state = connected(Http, echo, limit_concurrency=1)
        second, second_wire, _ = connected(Http, echo, state=state, limit_concurrency=1)
        second.data_received(GET)
        await settled()
        second.connection_lost(None)
        made.data_received(GET)
        await settled()
        made.connection_lost(None)
        return [first.written[:12], second_wire.written[:12]]

    assert asyncio.run(main()) == [b"HTTP/1.1 200", b"HTTP/1.1 503"]


def test_an_answer_before_the_request_is_whole_leaves_the_rest_of_it_unread_as_a_request() -> None:
    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        await send_response(send, 200, [], b"")

    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(GET)
    assert [status for status, _ in answered(Http, [head, GET, GET], hasty).answers] == [200, 200]
