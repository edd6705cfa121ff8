"""Request heads: nothing that a server could read in two ways leaves, and only end-to-end fields pass."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.errors import ConfigError, MalformedRequest
from moatkeeper.serve.http1 import HOP_BY_HOP, RequestWriter, parse_origin


def writer(url: str = "http://model:8000") -> RequestWriter:
    return RequestWriter(parse_origin(url))


class Server:
    """What a server's parser understands of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.bodies: list[bytes] = []
        self.requests = 0
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        self.method: bytes = parser.get_method()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.strip(b" \t")))

    def on_body(self, body: bytes) -> None:
        self.bodies.append(body)

    def on_message_complete(self) -> None:
        self.requests += 1


texts = st.binary(max_size=12) | st.sampled_from(
    [b"connection", b"Transfer-Encoding", b"content-length", b"host", b"x", b"close, x", b"chunked", b"1", b"a\r\nb: c", b"te "]
)


methods = st.sampled_from([b"POST", b"GET", b"GET ", b"P\r\n", b"GET / HTTP/1.1\r\n\r\nGET"])


@given(methods, texts, st.lists(st.tuples(texts, texts), max_size=5), st.binary(max_size=9))
def test_whatever_is_asked_for_one_request_or_none_is_written(
    method: bytes, target: bytes, fields: list[tuple[bytes, bytes]], body: bytes
) -> None:
    try:
        head = writer().head(method, b"/" + target, fields, len(body))
    except MalformedRequest:
        return
    server = Server(head + body)
    assert (server.requests, server.method, server.url, b"".join(server.bodies)) == (1, method, b"/" + target, body)
    names = [name for name, _ in server.fields]
    assert names.count(b"host") == 1
    assert names.count(b"content-length") <= 1
    assert not HOP_BY_HOP & set(names)


def test_a_request_is_written_as_expected() -> None:
    fields = [
        (b"Host", b"elsewhere"),
        (b"Connection", b"keep-alive, X-Private"),
        (b"X-Private", b"1"),
        (b"Content-Length", b"999"),
        (b"Content-Type", b"application/json"),
        (b"Expect", b"100-continue"),
        (b"TE", b"trailers"),
        (b"X-Caf\xc3\xa9"[:5], b"caf\xc3\xa9\tau lait"),
    ]
    head = writer("http://model:8000/base/").head(b"POST", b"/v1?a=b", fields, 2)
    assert head == (
        b"POST /base/v1?a=b HTTP/1.1\r\nhost: model:8000\r\ncontent-type: application/json\r\n"
        b"x-caf: caf\xc3\xa9\tau lait\r\ncontent-length: 2\r\n\r\n"
    )


def test_each_connection_field_is_obeyed_where_there_are_several() -> None:
    fields = [(b"connection", b"a"), (b"a", b"1"), (b"connection", b"B, close"), (b"b", b"2"), (b"c", b"3")]
    assert writer().head(b"GET", b"/", fields, 0) == b"GET / HTTP/1.1\r\nhost: model:8000\r\nc: 3\r\n\r\n"


def test_an_empty_post_says_so_and_an_empty_get_says_nothing() -> None:
    assert b"content-length: 0\r\n" in writer().head(b"POST", b"/", [], 0)
    assert b"content-length" not in writer().head(b"GET", b"/", [], 0)


@pytest.mark.parametrize(
    "target", [b"", b"v1", b"/a b", b"/a\r\nX: y", b"/a\tb", b"/a\0", b"/\x7f", b"/\xe9", b"*", b"http://x/"]
)
def test_targets_that_are_no_absolute_path_of_printable_ascii_are_refused(target: bytes) -> None:
    with pytest.raises(MalformedRequest):
        writer().head(b"GET", target, [], 0)


@pytest.mark.parametrize("method", [b"", b"GET ", b"G\r\nET", b"CONNECT", b"G:T"])
def test_methods_that_are_no_token_are_refused(method: bytes) -> None:
    with pytest.raises(MalformedRequest):
        writer().head(method, b"/", [], 0)


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\nb", b"transfer-encoding ", b"\tx", b"a\0", b"caf\xe9"])
def test_field_names_that_are_no_token_are_refused(name: bytes) -> None:
    with pytest.raises(MalformedRequest):
        writer().head(b"GET", b"/", [(name, b"x")], 0)


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"a\0b", b"\r\n", b"a\x01b", b"a\x7f"])
def test_field_values_with_control_characters_are_refused(value: bytes) -> None:
    with pytest.raises(MalformedRequest):
        writer().head(b"GET", b"/", [(b"x", value)], 0)


def test_names_are_judged_alike_before_and_after_they_are_remembered() -> None:
    one = writer()
    fields = [(b"X-Trace", b"1"), (b"Upgrade", b"h2c")]
    assert one.head(b"GET", b"/", fields, 0) == one.head(b"GET", b"/", fields, 0)
    for number in range(5000):  # more than are remembered
        assert b"x-%d: 1\r\n" % number in one.head(b"GET", b"/", [(b"X-%d" % number, b"1")], 0)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1", 8000, b"127.0.0.1:8000"),
        ("https://model.example/v2/", "model.example", 443, b"model.example"),
        ("http://[::1]:9", "::1", 9, b"[::1]:9"),
    ],
)
def test_a_base_url_names_where_to_connect_and_what_to_call_it(url: str, host: str, port: int, authority: bytes) -> None:
    origin = parse_origin(url)
    assert (origin.host, origin.port, origin.authority) == (host, port, authority)
    assert origin.tls == url.startswith("https")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "model:8000",
        "ftp://x",
        "http://",
        "http://u:p@x",
        "http://x?q",
        "http://x#f",
        "http://x:99999",
        "http://x/a b",
        "http://é",
    ],
)
def test_a_base_url_of_another_kind_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError):
        parse_origin(url)
