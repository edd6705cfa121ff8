from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.wire import sse
from moatkeeper.wire.sse import Event, EventReader, write_event

LINE = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data",
        b"data: ",
        b": ping",
        b":",
        b"event: delta",
        b"event:x",
        b"id: 7",
        b"retry: 3",
        b"",
        b"",
    ]
)
LINE_END = st.sampled_from([b"\n", b"\r\n", b"\r"])
STREAM = st.lists(st.tuples(LINE, LINE_END), max_size=20).map(lambda lines: b"".join(line + end for line, end in lines))


def read_all(chunks: list[bytes]) -> tuple[list[Event], bytes]:
    reader = EventReader()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events, reader.pending


@settings(max_examples=200, deadline=None)
@given(STREAM, st.booleans(), st.lists(st.integers(0, 200), max_size=8))
def test_the_same_events_come_out_however_the_bytes_are_cut(stream: bytes, mark: bool, cuts: list[int]) -> None:
    stream = b"\xef\xbb\xbf" * mark + stream
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[low:high] for low, high in pairwise(bounds)]
    whole = read_all([stream])
    assert read_all(pieces) == whole
    assert read_all([stream[at : at + 1] for at in range(len(stream))]) == whole


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=1).filter(lambda data: not set(data) & set(b"\r\n")), max_size=8))
def test_what_is_written_is_read_again(payloads: list[bytes]) -> None:
    stream = b"".join(write_event(data, b"delta") for data in payloads)
    assert read_all([stream]) == ([Event(b"delta", data) for data in payloads], b"")


def test_an_event_is_whole_at_its_blank_line_even_before_a_late_line_feed() -> None:
    reader = EventReader()
    assert list(reader.feed(b"data: a\r\n\r")) == [Event(b"", b"a")]
    assert list(reader.feed(b"\ndata: b\r\n\r\n")) == [Event(b"", b"b")]


def test_the_worked_example() -> None:
    stream = b"\xef\xbb\xbfevent: delta\ndata: {\ndata:  1}\n\n: ping\n\nid: 3\ndata: x\n\n\n\ndata: unfinished\n"
    events, pending = read_all([stream])
    assert events == [Event(b"delta", b"{\n 1}"), Event(b"", None), Event(b"", b"x")]
    assert pending == b"data: unfinished"


def test_an_event_without_end_is_refused_at_the_bound_however_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 10)
    assert read_all([b"data: 1234\n\n"])[0] == [Event(b"", b"1234")]
    assert read_all([b"data: 1234", b"\n", b"\n"])[0] == [Event(b"", b"1234")]
    for chunks in ([b"data: 12345\n\n"], [b"data: 12345", b"\n\n"], [b"data: 1", b"2345\n", b"\n"]):
        with pytest.raises(UnexpectedAnswer, match="more than 10 bytes"):
            read_all(chunks)
