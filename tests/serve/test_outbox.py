from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.serve.outbox import MOST_BYTES, MOST_PIECES, SENT, Outbox


class Socket:
    """Notes what is written to it, and in which order among all."""

    def __init__(self, log: list[tuple[Socket, bytes]]) -> None:
        self.log = log
        self.closed = False

    def write(self, data: bytes) -> None:
        self.log.append((self, data))

    def is_closing(self) -> bool:
        return self.closed


async def a_turn() -> None:
    await asyncio.sleep(0)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1, 10, MOST_BYTES, MOST_BYTES + 1])), max_size=3 * MOST_PIECES))
def test_everything_goes_out_once_and_each_socket_sees_its_own_order(posts: list[tuple[int, int]]) -> None:
    async def main() -> None:
        log: list[tuple[Socket, bytes]] = []
        sockets = [Socket(log) for _ in range(4)]
        outbox = Outbox()
        sent = [(sockets[which], bytes([number % 256]) * size) for number, (which, size) in enumerate(posts)]
        for socket, data in sent:
            outbox.post(socket, data)
        await a_turn()
        assert log == sent

    asyncio.run(main())


def test_nothing_goes_out_before_the_end_of_the_turn_and_a_batch_says_whether_it_has() -> None:
    async def main() -> None:
        log: list[tuple[Socket, bytes]] = []
        outbox, socket = Outbox(), Socket(log)
        batch = outbox.post(socket, b"one")
        assert outbox.post(socket, b"two") == batch == outbox.batch
        assert log == []
        await a_turn()
        assert len(log) == 2
        assert outbox.batch != batch
        assert outbox.post(socket, b"x" * (MOST_BYTES + 1)) == SENT
        assert len(log) == 3

    asyncio.run(main())


def test_only_so_many_pieces_wait_for_one_another() -> None:
    async def main() -> None:
        log: list[tuple[Socket, bytes]] = []
        outbox, socket = Outbox(), Socket(log)
        for _ in range(MOST_PIECES + 1):
            outbox.post(socket, b"x")
        assert len(log) == MOST_PIECES + 1

    asyncio.run(main())


def test_what_a_closed_socket_was_to_get_is_dropped() -> None:
    async def main() -> None:
        log: list[tuple[Socket, bytes]] = []
        outbox, open_one, closed = Outbox(), Socket(log), Socket(log)
        outbox.post(closed, b"one")
        outbox.post(open_one, b"two")
        closed.closed = True
        outbox.flush()
        assert log == [(open_one, b"two")]

    asyncio.run(main())
