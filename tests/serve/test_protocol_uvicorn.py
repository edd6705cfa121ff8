"""The same bytes to our server and to uvicorn's: ours understands no request differently, and takes none that uvicorn refuses.

Where ours is stricter, on purpose: transfer codings other than ``chunked``, chunks in HTTP/1.0, versions other than 1.0 and
1.1, whatever follows an offer to upgrade, trailers as headers, and heads that are too long. And what came before a request that
cannot be read is answered before the refusal of it, where uvicorn says 400 at once.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from moatkeeper.serve.protocol import Http
from tests.serve.wires import Answered, ServerProtocol, answered


def uvicorn_protocol(config: Config, state: ServerState, app_state: dict[str, object]) -> ServerProtocol:
    return cast(ServerProtocol, HttpToolsProtocol(config, state, app_state))


def both(pieces: list[bytes]) -> tuple[Answered, Answered]:
    return answered(Http, pieces), answered(uvicorn_protocol, pieces)


NAMES = st.sampled_from(
    [b"host", b"X-One", b"accept", b"Content-Type", b"authorization", b"x", b"connection", b"expect", b"te"]
)
VALUES = st.one_of(
    st.sampled_from([b"", b"keep-alive", b"close", b"100-continue", b"chunked", b"a, b", b"\xe9", b"trailers"]),
    st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), max_size=8).map(str.encode),
)
TARGETS = st.sampled_from(
    [b"/", b"/v1/models/m:predict", b"/a%20b?x=1&y=%41", b"//x/y", b"/?", b"/a?b?c", b"http://h/p?q", b"/a#b", b"*"]
)
BODIES = st.binary(max_size=40)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that is well formed, with a body of either framing or none."""
    method = draw(st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"]))
    fields = b"".join(name + b": " + value + b"\r\n" for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=4)))
    head = method + b" " + draw(TARGETS) + b" HTTP/1.1\r\n" + fields
    framing = draw(st.sampled_from(["none", "length", "chunks"]))
    if framing == "none":
        return head + b"\r\n"
    body = draw(BODIES)
    if framing == "length":
        return head + b"content-length: %d\r\n\r\n" % len(body) + body
    cut = draw(st.integers(0, len(body)))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:cut], body[cut:]) if piece)
    return head + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@st.composite
def cut_up(draw: st.DrawFn, raw: bytes) -> list[bytes]:
    """The bytes in a few segments."""
    cuts = sorted(draw(st.lists(st.integers(0, len(raw)), max_size=4)))
    return [raw[start:end] for start, end in pairwise([0, *cuts, len(raw)]) if start < end]


@given(st.data())
def test_whatever_is_well_formed_is_understood_alike_and_any_cut_changes_nothing(data: st.DataObject) -> None:
    raw = b"".join(data.draw(st.lists(requests(), min_size=1, max_size=4)))
    ours, theirs = both(data.draw(cut_up(raw)))
    assert [body for _, body in ours.answers] == [body for _, body in theirs.answers]
    assert ours.closed == theirs.closed
    assert ours == answered(Http, [raw])


DAMAGE = st.sampled_from(
    [
        *(bytes([byte]) for byte in b"\r\n \t\x00:,;01a\xff"),
        b"\r\n",
        b"content-length: 3\r\n",
        b"transfer-encoding: chunked\r\n",
        b"connection: close\r\n",
        b"connection: upgrade\r\nupgrade: x\r\n",
        b"HTTP/1.0",
        b"GET / HTTP/1.1\r\n\r\n",
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Requests in which bytes were put in, taken out or changed."""
    raw = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(DAMAGE) + raw[at + draw(st.integers(0, 3)) :]
    return raw


@given(st.data())
def test_of_any_bytes_nothing_is_served_that_uvicorn_refuses_or_understands_otherwise(data: st.DataObject) -> None:
    raw = data.draw(damaged())
    ours, theirs = both(data.draw(cut_up(raw)))
    mine, other = ([json.loads(body) for body in each.served] for each in (ours, theirs))
    for first, second in zip(mine, other, strict=False):
        if "transfer-encoding" in dict(second[4]):
            second[4] = second[4][: len(first[4])]  # uvicorn counts trailers among the headers
        assert first == second
    if any(status == 400 for status, _ in theirs.answers):  # which uvicorn may say before what came before it is answered
        assert ours.closed
    else:
        assert len(mine) <= len(other)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_or_waited_for_but_never_served(raw: bytes) -> None:
    ours = answered(Http, [raw])
    assert ours.served == ()
    assert [status for status, _ in ours.answers] in ([], [400])
    assert ours.closed == bool(ours.answers)


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/0.9\r\n\r\n",
        b"GET /\r\n\r\n",
    ],
    ids=repr,
)
def test_ours_is_stricter_where_the_list_says_so(raw: bytes) -> None:
    ours, theirs = both([raw])
    assert (len(ours.served), len(theirs.served)) == (0, 1)
