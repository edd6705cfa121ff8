"""The client of the model server over real sockets: pooling, time-outs, lost connections, cancellation, TLS."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Final

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from moatkeeper.errors import ConfigError, MalformedRequest, UpstreamBroken, UpstreamTimeout, UpstreamUnreachable
from moatkeeper.serve.upstream import Timeouts, Upstream

LIMIT_BYTES = 1 << 20
CLOSE: Final = "close the connection in good order"
RESET: Final = "close the connection with a reset"
HOLD: Final = "wait until the test lets go, or the client has gone"
Step = str | bytes

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class ScriptedServer:
    """Reads whole requests and plays exact bytes: the n-th request gets the n-th script, further ones the last."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self.scripts = scripts
        self.requests: list[bytes] = []
        self.connections = 0
        self.gone = asyncio.Event()  # set when a client has closed a connection
        self.let_go = asyncio.Event()
        self.serving: set[asyncio.Future[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.serving.add(asyncio.ensure_future(self.converse(reader, writer)))

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
                self.requests.append(head + await reader.readexactly(length[0] if length else 0))
                script = self.scripts[min(len(self.requests), len(self.scripts)) - 1]
                if not await self.play(script, reader, writer):
                    break
        self.gone.set()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def play(self, script: Sequence[Step], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for step in script:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif step == HOLD:
                left, freed = asyncio.ensure_future(reader.read(1)), asyncio.ensure_future(self.let_go.wait())
                await asyncio.wait({left, freed}, return_when=asyncio.FIRST_COMPLETED)
                freed.cancel()
                if left.done():
                    return False
                left.cancel()
                await asyncio.wait({left})
            else:
                if step == RESET:
                    linger = b"\x01\0\0\0\0\0\0\0"
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return False
        return True


@contextlib.asynccontextmanager
async def playing(*scripts: Sequence[Step], tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedServer]:
    script = ScriptedServer(*scripts)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=tls)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        await asyncio.gather(*script.serving)


@contextlib.asynccontextmanager
async def client(url: str, timeouts: Timeouts | None = None, *, connections: int = 8) -> AsyncIterator[Upstream]:
    upstream = Upstream(url, timeouts=timeouts or Timeouts(), connections=connections)
    try:
        yield upstream
    finally:
        await upstream.close(grace_s=0.0)


def run(test: Callable[[], Coroutine[object, object, None]]) -> None:
    """Runs a scene on the loop of the standard library and on uvloop, on which the gateway runs."""
    for factory in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(test())


async def ask(upstream: Upstream, method: str = "POST", body: bytes = b"question") -> bytes:
    reply = await upstream.open(method, b"/", [], body)
    return await reply.body(LIMIT_BYTES)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


# The pool.


def test_one_connection_carries_request_after_request() -> None:
    async def scene() -> None:
        async with playing([HELLO]) as server, client(server.url) as upstream:
            assert [await ask(upstream) for _ in range(5)] == [b"hello"] * 5
            assert (server.connections, len(server.requests)) == (1, 5)
            assert (
                server.requests[0]
                == b"POST / HTTP/1.1\r\nhost: %b\r\ncontent-length: 8\r\n\r\nquestion" % server.url[7:].encode()
            )

    run(scene)


def test_large_bodies_arrive_whole_in_both_directions() -> None:
    async def scene() -> None:
        large = bytes(range(256)) * 4000
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(large) + large
        async with playing([answer]) as server, client(server.url) as upstream:
            for _ in range(2):
                assert await ask(upstream, body=large) == large
            assert server.requests[1].endswith(large)
            assert server.connections == 1

    run(scene)


def test_a_connection_that_said_close_is_not_used_again() -> None:
    async def scene() -> None:
        closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
        async with playing([closing], [HELLO]) as server, client(server.url) as upstream:
            assert await ask(upstream) == await ask(upstream) == b"hello"
            assert server.connections == 2

    run(scene)


def test_a_smuggled_second_answer_is_never_taken_for_the_next_request() -> None:
    async def scene() -> None:
        forged = HELLO.replace(b"hello", b"wrong")
        async with playing([HELLO + forged], [HELLO]) as server, client(server.url) as upstream:
            assert await ask(upstream) == await ask(upstream) == b"hello"
            assert server.connections == 2
        async with playing([HELLO, HOLD, forged], [HELLO]) as server, client(server.url) as upstream:
            assert await ask(upstream) == b"hello"
            server.let_go.set()
            await server.gone.wait()
            assert await ask(upstream) == b"hello"
            assert server.connections == 2

    run(scene)


def test_callers_beyond_the_limit_wait_in_order() -> None:
    async def scene() -> None:
        async with playing([HOLD, HELLO]) as server, client(server.url, connections=2) as upstream:
            finished: list[int] = []

            async def one(number: int) -> None:
                await ask(upstream, body=b"%d" % number)
                finished.append(number)

            callers = []
            for number in range(6):
                callers.append(asyncio.create_task(one(number)))
                await asyncio.sleep(0)
            await until(lambda: len(server.requests) == 2)
            server.let_go.set()
            await asyncio.gather(*callers)
            assert server.connections == 2
            order = [int(request.rsplit(b"\r\n", 1)[1]) for request in server.requests]
            assert sorted(order[:2]) == [0, 1]
            assert order[2:] == [2, 3, 4, 5]

    run(scene)


def test_no_free_connection_in_time_is_reported_as_unreachable() -> None:
    async def scene() -> None:
        hurried = Timeouts(connect_s=0.05)
        async with playing([HOLD, HELLO]) as server, client(server.url, hurried, connections=1) as upstream:
            first = asyncio.create_task(ask(upstream))
            await until(lambda: len(server.requests) == 1)
            with pytest.raises(UpstreamUnreachable, match="became free"):
                await ask(upstream)
            server.let_go.set()
            assert await first == await ask(upstream) == b"hello"
            assert len(server.requests) == 2

    run(scene)


def test_nobody_listening_is_reported_as_unreachable_and_leaves_room_for_later() -> None:
    async def scene() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            async with client(f"http://127.0.0.1:{unused.getsockname()[1]}", connections=1) as upstream:
                for _ in range(3):
                    with pytest.raises(UpstreamUnreachable):
                        await ask(upstream)

    run(scene)


def test_a_malformed_request_takes_no_connection() -> None:
    async def scene() -> None:
        async with playing([HELLO]) as server, client(server.url) as upstream:
            with pytest.raises(MalformedRequest):
                await upstream.open("POST", b"/", [(b"x", b"a\r\ny: b")], b"")
            assert server.connections == 0

    run(scene)


# Lost connections.


@pytest.mark.parametrize("ending", [CLOSE, RESET])
def test_a_post_that_was_written_is_never_sent_twice(ending: str) -> None:
    async def scene() -> None:
        async with playing([HELLO], [ending], [HELLO]) as server, client(server.url) as upstream:
            await ask(upstream)
            with pytest.raises(UpstreamBroken, match="before it answered"):
                await ask(upstream, body=b"once")
            assert [request.endswith(b"once") for request in server.requests] == [False, True]
            assert await ask(upstream) == b"hello"

    run(scene)


@pytest.mark.parametrize("ending", [CLOSE, RESET])
def test_a_get_on_a_connection_that_had_died_is_sent_once_more(ending: str) -> None:
    async def scene() -> None:
        async with playing([HELLO], [ending], [HELLO]) as server, client(server.url) as upstream:
            await ask(upstream, "GET", b"")
            assert await ask(upstream, "GET", b"") == b"hello"
            assert (server.connections, len(server.requests)) == (2, 3)
        async with playing([HELLO], [ending]) as server, client(server.url) as upstream:
            await ask(upstream, "GET", b"")
            with pytest.raises(UpstreamBroken):
                await ask(upstream, "GET", b"")
            assert len(server.requests) == 3
        async with playing([ending], [HELLO]) as server, client(server.url) as upstream:
            with pytest.raises(UpstreamBroken):  # a fresh connection was not half dead: the request itself is the trouble
                await ask(upstream, "GET", b"")
            assert len(server.requests) == 1

    run(scene)


def test_a_get_is_not_sent_again_once_a_byte_of_its_answer_came() -> None:
    async def scene() -> None:
        async with playing([HELLO], [b"H", CLOSE], [HELLO]) as server, client(server.url) as upstream:
            await ask(upstream, "GET", b"")
            with pytest.raises(UpstreamBroken, match="in the middle"):
                await ask(upstream, "GET", b"")
            assert len(server.requests) == 2

    run(scene)


def test_a_connection_closed_while_idle_costs_the_next_post_nothing() -> None:
    async def scene() -> None:
        async with playing([HELLO, CLOSE], [HELLO]) as server, client(server.url) as upstream:
            assert await ask(upstream) == b"hello"
            await server.gone.wait()
            await asyncio.sleep(0.01)  # the goodbye has to cross the loopback
            assert await ask(upstream) == b"hello"
            assert server.connections == 2

    run(scene)


def test_an_idle_connection_is_closed_after_its_time() -> None:
    async def scene() -> None:
        async with playing([HELLO]) as server, client(server.url, Timeouts(keep_alive_s=0.03)) as upstream:
            await ask(upstream)
            await server.gone.wait()
            await ask(upstream)
            assert server.connections == 2

    run(scene)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"9\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-",
    ],
)
def test_a_truncated_answer_is_an_error(answer: bytes) -> None:
    async def scene() -> None:
        async with playing([answer, CLOSE]) as server, client(server.url) as upstream:
            with pytest.raises(UpstreamBroken):
                await ask(upstream)

    run(scene)


# Time.


def test_silence_before_the_head_and_within_the_body_times_out() -> None:
    async def scene() -> None:
        slow = Timeouts(first_byte_s=0.04, idle_s=0.04)
        starts = (b"", b"HTTP/1.1 100 Continue\r\n\r\n", HELLO[:20], HELLO[:-1], CHUNKED)
        for start in starts:
            async with playing((start, HOLD)) as server, client(server.url, slow, connections=1) as upstream:
                with pytest.raises(UpstreamTimeout):
                    await ask(upstream)
                await server.gone.wait()
                with pytest.raises(UpstreamTimeout):  # the one connection's place is free again
                    await ask(upstream)

    run(scene)


def test_an_answer_that_keeps_moving_is_not_timed_out() -> None:
    async def scene() -> None:
        dribble: list[Step] = [CHUNKED, *[b"1\r\na\r\n"] * 3, HOLD, b"0\r\n\r\n"]
        async with playing(dribble) as server, client(server.url, Timeouts(first_byte_s=0.02)) as upstream:
            reply = await upstream.open("POST", b"/", [], b"")
            await asyncio.sleep(0.06)  # past the time for a head, which has come
            server.let_go.set()
            assert await reply.body(LIMIT_BYTES) == b"aaa"

    run(scene)


# Streams and readers.


def test_each_piece_of_a_stream_is_handed_on_as_it_comes() -> None:
    async def scene() -> None:
        async with playing([CHUNKED + b"1\r\na\r\n", HOLD, b"1\r\nb\r\n0\r\n\r\n"]) as server, client(server.url) as upstream:
            reply = await upstream.open("POST", b"/", [], b"")
            chunks = reply.chunks()
            assert await anext(chunks) == b"a"
            server.let_go.set()
            assert [chunk async for chunk in chunks] == [b"b"]
            assert await ask(upstream) == b"ab"
            assert server.connections == 1

    run(scene)


def test_a_slow_reader_makes_the_model_server_wait() -> None:
    async def scene() -> None:
        total = 64 << 20  # far more than socket buffers take
        written = 0

        async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal written
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
            with contextlib.suppress(ConnectionError):
                while written < total:
                    writer.write(b"x" * 65536)
                    await writer.drain()
                    written += 65536
            writer.close()

        server = await asyncio.start_server(flood, "127.0.0.1", 0)
        async with client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as upstream:
            reply = await upstream.open("GET", b"/", [], b"")
            before = -1
            while before != written:  # until nothing moves any more
                before = written
                await asyncio.sleep(0.05)
            assert reply.unread < 1 << 20
            assert written < total // 2
            assert sum([len(chunk) async for chunk in reply.chunks()]) == total
        server.close()

    run(scene)


async def leave(task: asyncio.Task[bytes]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("before_leaving", [[HOLD], [CHUNKED + b"1\r\na\r\n", HOLD]])
def test_a_caller_who_leaves_frees_what_it_held(before_leaving: list[Step]) -> None:
    async def scene() -> None:
        async with playing(before_leaving, [HELLO]) as server, client(server.url, connections=1) as upstream:
            asking = asyncio.create_task(ask(upstream))
            await until(lambda: len(server.requests) == 1)
            waiting = [asyncio.create_task(ask(upstream)) for _ in range(3)]
            await asyncio.sleep(0.01)
            await leave(waiting[0])
            await leave(asking)
            await server.gone.wait()
            assert await asyncio.gather(*waiting[1:]) == [b"hello", b"hello"]
            assert (server.connections, len(server.requests)) == (2, 3)

    run(scene)


def test_a_caller_who_leaves_as_its_turn_comes_passes_the_turn_on() -> None:
    async def scene() -> None:
        async with playing([HELLO]) as server, client(server.url, connections=1) as upstream:
            for turns in range(12):  # wherever in its course the caller is
                asking = [asyncio.create_task(ask(upstream)) for _ in range(3)]
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking[0].cancel()
                asking[1].cancel()
                assert await asking[2] == b"hello"
                await asyncio.wait(asking)

    run(scene)


def test_a_reader_who_gives_up_closes_the_connection_unless_the_answer_is_whole() -> None:
    async def scene() -> None:
        async with playing([CHUNKED + b"1\r\na\r\n", HOLD], [HELLO]) as server, client(server.url, connections=1) as upstream:
            reply = await upstream.open("POST", b"/", [], b"")
            await reply.aclose()
            await server.gone.wait()
            for _ in range(3):
                reply = await upstream.open("POST", b"/", [], b"")
                await reply.aclose()
            assert server.connections == 2

    run(scene)


# The end, and TLS.


def test_closing_lets_answers_end_within_the_grace_and_refuses_new_requests() -> None:
    async def scene() -> None:
        async with playing([HELLO], [HOLD, HELLO]) as server:
            upstream = Upstream(server.url)
            await ask(upstream)
            asking = asyncio.create_task(ask(upstream))
            await until(lambda: len(server.requests) == 2)
            closing = asyncio.create_task(upstream.close(grace_s=60.0))
            await asyncio.sleep(0)
            with pytest.raises(UpstreamUnreachable, match="shutting down"):
                await ask(upstream)
            server.let_go.set()
            assert await asking == b"hello"
            await closing

    run(scene)


def test_closing_cuts_off_what_outlasts_the_grace_and_whoever_waits() -> None:
    async def scene() -> None:
        async with playing([HOLD]) as server:
            upstream = Upstream(server.url, connections=1)
            asking = asyncio.create_task(ask(upstream))
            await until(lambda: len(server.requests) == 1)
            waiting = asyncio.create_task(ask(upstream))
            await asyncio.sleep(0)
            await upstream.close(grace_s=0.0)
            with pytest.raises(UpstreamBroken, match="shutdown"):
                await asking
            with pytest.raises(UpstreamUnreachable):
                await waiting
            await upstream.close()

    run(scene)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, in PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


def test_tls_is_spoken_with_a_server_whose_certificate_is_trusted_and_with_no_other(tmp_path: Path) -> None:
    certificate_file, key_file = certificate(tmp_path, "model")
    stranger_file, _ = certificate(tmp_path, "stranger")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate_file, key_file)

    async def scene() -> None:
        large = b"x" * (1 << 19)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(large) + large
        async with playing([answer], tls=server_side) as server:
            url = f"https://127.0.0.1:{server.port}"
            upstream = Upstream(url, ca_file=str(certificate_file))
            for _ in range(2):
                assert await ask(upstream, body=large) == large
            reply = await upstream.open("POST", b"/", [], b"")
            assert b"".join([chunk async for chunk in reply.chunks()]) == large
            assert server.connections == 1
            await upstream.close()
            for ca_file in (None, str(stranger_file)):
                suspicious = Upstream(url, ca_file=ca_file)
                with pytest.raises(UpstreamUnreachable, match=r"(?i)certificate"):
                    await ask(suspicious)
                await suspicious.close()

    run(scene)


def test_a_ca_file_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for ca_file in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match="CA file"):
            Upstream("https://127.0.0.1", ca_file=str(ca_file))
