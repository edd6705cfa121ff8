"""The same wire bytes through our client and aiohttp's: one answer, one refusal, or a listed reason why not."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import aiohttp
import pytest

from moatkeeper.errors import UpstreamError
from moatkeeper.serve.upstream import Timeouts, Upstream

LIMIT_BYTES = 1 << 20
ENOUGH_S = 5.0
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Outcome:
    """What a client made of the bytes; ``status`` 0: it refused them."""

    status: int
    body: bytes = b""
    fields: tuple[bytes, ...] = ()


REFUSED = Outcome(0)


async def ours(url: str, method: str) -> Outcome:
    upstream = Upstream(url, timeouts=Timeouts(first_byte_s=ENOUGH_S, idle_s=ENOUGH_S))
    try:
        reply = await upstream.open(method, b"/", [], b"")
        body = await reply.body(LIMIT_BYTES)
    except UpstreamError:
        return REFUSED
    else:
        fields = tuple(value for name, value in reply.headers if name in (b"content-type", b"x-field"))
        return Outcome(reply.status, body, fields)
    finally:
        await upstream.close(grace_s=0.0)


async def theirs(url: str, method: str) -> Outcome:
    timeout = aiohttp.ClientTimeout(total=ENOUGH_S)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as session:
        try:
            async with session.request(method, url, allow_redirects=False) as answer:
                body = await answer.read()
        except aiohttp.ClientError:
            return REFUSED
        fields = tuple(value for name, value in answer.raw_headers if name.lower() in (b"content-type", b"x-field"))
        return Outcome(answer.status, body, fields)


def both(data: bytes, method: str = "POST") -> list[Outcome]:
    """What our client and then aiohttp's make of an answer after which the server closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(data)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    async def play() -> list[Outcome]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            return [await ours(url, method), await theirs(url, method)]

    return asyncio.run(play())


SAME_ANSWER = {
    "content-length": OK + b"Content-Type: text/plain\r\nX-Field:  a b \r\nContent-Length: 5\r\n\r\nhello",
    "no content": b"HTTP/1.1 204 No Content\r\nX-Field: a\r\n\r\n",
    "not modified with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "empty body": OK + b"Content-Length: 0\r\n\r\n",
    "an error with a body": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno",
    "chunks": CHUNKED + b"5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "chunk extensions": CHUNKED + b'5;a=b;c="d"\r\nhello\r\n0\r\n\r\n',
    "trailers": CHUNKED + b"5\r\nhello\r\n0\r\nX-Field: late\r\n\r\n",
    "until close": OK + b"X-Field: a\r\n\r\nhello",
    "HTTP/1.0 until close": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "HTTP/1.0 with a length": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "connection close": OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello",
    "continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",
    "no reason phrase": b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "a field twice": OK + b"X-Field: a\r\nX-Field: b\r\nContent-Length: 0\r\n\r\n",
    "bytes beyond latin-1's letters": OK + b"X-Field: caf\xc3\xa9 \xff\r\nContent-Length: 0\r\n\r\n",
    "redirects are answers": b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
    "compressed bodies stay so": OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
}

BOTH_REFUSE = {
    "nothing at all": b"",
    "half a head": OK + b"Content-Le",
    "a short body": OK + b"Content-Length: 9\r\n\r\nhello",
    "chunks without end": CHUNKED + b"5\r\nhello\r\n",
    "half a chunk": CHUNKED + b"9\r\nhello",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a negative length": OK + b"Content-Length: -5\r\n\r\nhello",
    "length and chunks": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a bad chunk size": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "an overlong chunk": CHUNKED + b"5\r\nhello world\r\n0\r\n\r\n",
    "two equal lengths": OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a field without a colon": OK + b"Content-Length\r\n\r\nhello",
    "NUL in a field": OK + b"X-Field: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a bare carriage return": OK + b"X-Field: a\rb\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
}

OURS_IS_STRICTER = {
    # RFC 9112, section 2.2, lets a recipient take a bare LF; two parsers that differ on it see different fields.
    "bare line feeds end lines": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    # Only a server may skip these, before a request; before an answer they are what an earlier answer left over.
    "a line end before the status line": b"\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",
    # Section 5.1 has a proxy remove the space; a field that some parsers do not see is better not passed at all.
    "a space before the colon": OK + b"Content-Length : 5\r\n\r\nhello",
    # Obsolete, and section 5.2 lets a gateway refuse it: a parser that does not unfold sees another field.
    "folded fields": OK + b"X-Field: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    # The body would have to be decoded to be read: nothing asks for such a coding (TE is never sent).
    "another transfer coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    # Section 6.1: a message of HTTP/1.0 with a transfer coding has faulty framing.
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    # No server that was asked in HTTP/1.1 answers so.
    "another protocol's version": b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "a status that does not exist": b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n",
    # Upgrade is never sent, and what follows would no longer be HTTP.
    "an upgrade that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
}


@pytest.mark.parametrize("name", SAME_ANSWER)
def test_both_clients_hear_the_same_answer(name: str) -> None:
    mine, other = both(SAME_ANSWER[name])
    assert mine == other
    assert mine != REFUSED


@pytest.mark.parametrize("name", BOTH_REFUSE)
def test_both_clients_refuse_the_same_faults(name: str) -> None:
    assert both(BOTH_REFUSE[name]) == [REFUSED, REFUSED]


@pytest.mark.parametrize("name", OURS_IS_STRICTER)
def test_each_listed_deviation_is_one(name: str) -> None:
    mine, other = both(OURS_IS_STRICTER[name])
    assert mine == REFUSED
    assert other != REFUSED


@pytest.mark.parametrize("head", [OK + b"Content-Length: 5\r\n\r\n", CHUNKED, OK + b"\r\n"])
def test_both_clients_expect_no_body_after_head(head: bytes) -> None:
    mine, other = both(head, "HEAD")
    assert mine == other == Outcome(200)
