"""The client of the model server: lean and strict HTTP/1.1 over a pool of kept-alive connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from moatkeeper.serve.http1 import Fields, RequestWriter, parse_origin
from moatkeeper.serve.http1_connection import ClosedBeforeAnswer, Connection
from moatkeeper.serve.http1_reply import Reply
from moatkeeper.serve.upstream_pool import Pool, Timeouts

__all__ = ["Reply", "Timeouts", "Upstream"]

_REPEATABLE: Final = frozenset({b"GET", b"HEAD"})
"""Methods that may be sent again on a fresh connection: nothing that asks the model, and so costs, is among them."""

_DEFAULT_TIMEOUTS: Final = Timeouts()


class Upstream:
    """One model server. ``open`` sends a request; at most ``connections`` are open, and further callers wait in order.

    ``ca_file`` holds the certificates to trust in place of the system's. Belongs to the event loop that first uses it.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts = _DEFAULT_TIMEOUTS,
        connections: int = 512,
        ca_file: str | None = None,
        max_head_bytes: int = 65536,
    ) -> None:
        origin = parse_origin(base_url)
        self._writer = RequestWriter(origin)
        self._first_byte_s = timeouts.first_byte_s
        self._pool = Pool(origin, timeouts, connections=connections, ca_file=ca_file, max_head_bytes=max_head_bytes)

    async def open(self, method: bytes | str, target: bytes, headers: Fields, body: bytes) -> Reply:
        """The answer to a request, as soon as its final head has arrived; read it to its end or ``aclose`` it.

        ``target`` is an absolute path with its query. Host, Content-Length and hop-by-hop fields are ours to set. Raises
        MalformedRequest or UpstreamUnreachable (nothing was sent), UpstreamTimeout or UpstreamBroken.
        """
        if isinstance(method, str):
            method = method.encode("latin-1", "replace")
        head = self._writer.head(method, target, headers, len(body))
        connection = self._pool.take() or await self._pool.acquire()
        reused = connection.requests > 0
        try:
            return await self._exchange(connection, method, head, body)
        except ClosedBeforeAnswer:
            if not reused or method not in _REPEATABLE:
                raise
        return await self._exchange(await self._pool.acquire(), method, head, body)

    def letter(self, method: str, target: bytes, headers: Fields) -> bytes:
        """The head of a request without its length, to be asked with; raises MalformedRequest."""
        return self._writer.begin(method.encode("latin-1", "replace"), target, headers)

    def ask(self, letter: bytes, body: bytes, *, limit: int, then: Callable[[], None]) -> Reply | None:
        """Sends a POST at once where a connection lies idle, else None.

        ``then`` is called once about ``limit`` bytes of the answer are there, or all, or an error is; with a negative
        ``limit`` as soon as its head is.
        """
        connection = self._pool.take()
        if connection is None:
            return None
        head = letter + b"content-length: %d\r\n\r\n" % len(body)
        reply = connection.send(head, body, head_only=False, within_s=self._first_byte_s)
        reply.tell(then, limit)
        return reply

    async def close(self, grace_s: float = 5.0) -> None:
        """Returns when every connection is closed; answers in flight have ``grace_s`` seconds to end by themselves."""
        await self._pool.close(grace_s)

    async def _exchange(self, connection: Connection, method: bytes, head: bytes, body: bytes) -> Reply:
        reply = connection.send(head, body, head_only=method == b"HEAD", within_s=self._first_byte_s)
        try:
            await reply.wait()
        except BaseException:  # cancelled: the caller is gone, and with it whoever could read the answer
            reply.abandon()
            raise
        if reply.error is not None and not reply.status:
            raise reply.error
        return reply
