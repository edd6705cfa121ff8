"""The server's side of HTTP/1.1, bounded where uvicorn is not: heads by length and time, silent connections by time."""

from __future__ import annotations

import asyncio

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_HEAD_BYTES = 65_536
"""A request's line and header fields together: eight times what common servers take, and far below what would hurt."""

HEAD_TIMEOUT_S = 15.0
"""From a connection's or a request's first moment to the end of its head; checked at half that time, so up to 1.5 times."""

_EXPLANATION = b'{"error":"the header of the request is too large"}'

TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_EXPLANATION), _EXPLANATION)
)


class BoundedHttp(HttpToolsProtocol):
    """Ends a connection whose request head is too long, or does not come to its end."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._awaiting_head = True
        self._head_bytes = 0
        self._since = 0.0
        self._look_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Begins to watch the first head."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._look_timer = self.loop.call_later(HEAD_TIMEOUT_S / 2, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops watching."""
        if self._look_timer is not None:
            self._look_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what belongs to a head that began in an earlier segment, then lets the parser have it."""
        if self._awaiting_head:
            self._head_bytes += len(data)
            # The last segment may hold a body too: it is counted only while the head has not ended before it.
            if self._head_bytes - len(data) > MAX_HEAD_BYTES:
                self.transport.write(TOO_LARGE)
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._awaiting_head = True
        self._head_bytes = 0
        self._since = self.loop.time()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._awaiting_head = False
        super().on_headers_complete()

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        if self._awaiting_head and self.loop.time() - self._since > HEAD_TIMEOUT_S:
            self.transport.close()
            return
        self._look_timer = self.loop.call_later(HEAD_TIMEOUT_S / 2, self._look)
