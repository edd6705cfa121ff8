"""The load generator: a closed loop over kept-alive connections, lean enough not to be what is measured."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import cast

import httptools

from bench.gateway import bodies

CONNECT_S = 5.0
HANG_S = 20.0  # beyond what a block should take: the contender hangs
STAMPED = re.compile(rb"@(\d{%d})@" % bodies.STAMP_DIGITS)
NS_A_SECOND = 1_000_000_000


@dataclass(slots=True)
class Sample:
    """What one block of requests measured: times in nanoseconds, one a request, or one an event (``transit``)."""

    latency: list[int] = field(default_factory=list)  # from writing the request to the last byte of its answer
    first: list[int] = field(default_factory=list)  # to the first byte of the body; streams only
    transit: list[int] = field(default_factory=list)  # of an event, from the mock's write to our read; paced streams only
    answered: int = 0  # also in the warm-up: what the other side's processor time was spent on
    failures: int = 0  # not 2xx, broken off, or a stream with events missing
    seconds: float = 0.0

    @property
    def a_second(self) -> float:
        """Requests answered in a second."""
        return len(self.latency) / self.seconds


class Block:
    """One block of load on one address: a warm-up that is not counted, then a time or a number of requests that is."""

    def __init__(self, requests: Iterator[bytes], *, streamed: bool, count: int | None) -> None:
        self.sample = Sample()
        self.requests = requests
        self.streamed = streamed
        self.recording = False
        self.ended = asyncio.Event()
        self._count = count
        self._begun = 0

    def begin(self) -> None:
        """The warm-up is over."""
        self.recording = True
        self._begun = perf_counter_ns()

    def end(self) -> None:
        """No answer counts from here on."""
        if not self.ended.is_set():
            self.recording = False
            self.sample.seconds = (perf_counter_ns() - self._begun) / NS_A_SECOND
            self.ended.set()

    def answered(self, latency: int) -> None:
        """Takes one good answer down."""
        self.sample.answered += 1
        if self.recording:
            self.sample.latency.append(latency)
            if len(self.sample.latency) == self._count:
                self.end()

    def failed(self) -> None:
        """Takes one failure down, also in the warm-up."""
        self.sample.failures += 1


class Client(asyncio.Protocol):
    """One connection that always has one request on its way."""

    def __init__(self, block: Block) -> None:
        self._block = block

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the first request."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass
        self._parser = httptools.HttpResponseParser(self)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Bytes of answers."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._give_up()

    def connection_lost(self, error: Exception | None) -> None:
        """The other side closed; between two requests it may, but a benchmark keeps connections open."""
        if not self._block.ended.is_set():
            self._block.failed()

    def on_message_complete(self) -> None:
        """A whole answer: takes its time down and sends the next request."""
        now = perf_counter_ns()
        block = self._block
        if self._parser.get_status_code() // 100 == 2:
            block.answered(now - self._sent)
        else:
            block.failed()
        if block.ended.is_set() or not self._parser.should_keep_alive():
            self._give_up()
        else:
            self._ask()

    def _ask(self) -> None:
        self._sent = perf_counter_ns()
        self._transport.write(next(self._block.requests))

    def _give_up(self) -> None:
        self._transport.close()


class StreamClient(Client):
    """A connection whose answers are event streams: it counts the events and looks at the time written into each."""

    def on_headers_complete(self) -> None:
        """A stream begins."""
        self._first = 0
        self._events = 0
        self._rest = b""

    def on_body(self, data: bytes) -> None:
        """A piece of the stream."""
        now = perf_counter_ns()
        if not self._first:
            self._first = now
        data = self._rest + data
        end = 0
        for stamp in STAMPED.finditer(data):
            self._events += 1
            end = stamp.end()
            if self._block.recording:
                self._block.sample.transit.append(now - int(stamp.group(1)))
        self._rest = data[end:]

    def on_message_complete(self) -> None:
        """A whole stream: it must have brought every event."""
        if self._events != bodies.CHUNKS:
            self._block.failed()
        elif self._block.recording:
            self._block.sample.first.append(self._first - self._sent)
        super().on_message_complete()


async def drive(
    address: tuple[str, int],
    requests: Iterator[bytes],
    *,
    connections: int,
    warm_s: float,
    seconds: float | None = None,
    count: int | None = None,
    streamed: bool = False,
    hang_s: float = HANG_S,
) -> Sample:
    """What ``connections`` callers measured who each ask again as soon as they are answered.

    The block ends after ``seconds`` or after ``count`` answers. Raises TimeoutError where the other side hangs.
    """
    block = Block(requests, streamed=streamed, count=count)
    loop = asyncio.get_running_loop()
    kind = StreamClient if streamed else Client
    made = [
        await asyncio.wait_for(loop.create_connection(lambda: kind(block), *address), CONNECT_S) for _ in range(connections)
    ]
    await asyncio.sleep(warm_s)
    block.begin()
    if seconds is not None:
        loop.call_later(seconds, block.end)
    try:
        await asyncio.wait_for(block.ended.wait(), (seconds or 0.0) + hang_s)
    finally:
        block.end()
        for transport, _ in made:
            transport.close()
    await asyncio.sleep(0)
    return block.sample
