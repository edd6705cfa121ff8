from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from moatkeeper.serve.asgi import Event, Receive
from moatkeeper.serve.visits import SWEEP_S, Presence, Visits

PATIENCE_S = 10.0
"""How long a test waits for what must happen; nothing is asserted about how long it took."""


class Client:
    """What a server knows of a client: it stays until ``gone`` is set, and then says so."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.asked = 0

    async def receive(self) -> Event:
        self.asked += 1
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def visit(visits: Visits, receive: Receive, within_s: float, work: Callable[[Presence], Awaitable[None]]) -> Presence:
    """One request, as the gateway serves it: its presence afterwards."""
    presence = visits.enter(receive, within_s, task=asyncio.current_task())
    try:
        await work(presence)
    except asyncio.CancelledError:
        if not (presence.slow or presence.left):
            raise
    finally:
        visits.leave(presence)
    return presence


async def forever(presence: Presence) -> None:
    await asyncio.get_running_loop().create_future()


async def forever_after_the_body(presence: Presence) -> None:
    presence.arrive()
    await forever(presence)


async def scenario(client: Client, within_s: float, work: Callable[[Presence], Awaitable[None]]) -> Presence:
    visits = Visits()
    presence = await asyncio.wait_for(visit(visits, client.receive, within_s, work), PATIENCE_S)
    assert len(visits) == 0
    return presence


def test_a_sender_that_is_too_slow_is_cancelled_and_marked() -> None:
    async def main() -> Presence:
        return await scenario(Client(), 0.01, forever)

    presence = asyncio.run(main())
    assert (presence.slow, presence.left) == (True, False)


def test_a_client_that_leaves_while_it_waits_is_noticed() -> None:
    async def main() -> Presence:
        client = Client()
        client.gone.set()
        return await scenario(client, PATIENCE_S, forever_after_the_body)

    presence = asyncio.run(main())
    assert (presence.slow, presence.left) == (False, True)


def test_a_body_that_came_in_time_is_never_given_up_however_long_the_answer_takes() -> None:
    async def work(presence: Presence) -> None:
        presence.arrive()
        await asyncio.sleep(2.5 * SWEEP_S)

    async def main() -> Presence:
        return await scenario(Client(), 0.01, work)

    presence = asyncio.run(main())
    assert (presence.slow, presence.left) == (False, False)


def test_quick_requests_cost_no_task_and_nobody_listens_for_their_clients() -> None:
    async def main() -> None:
        visits, client = Visits(), Client()
        before = asyncio.all_tasks()
        for _ in range(100):
            presence = visits.enter(client.receive, PATIENCE_S)
            presence.arrive()
            await asyncio.sleep(0)
            assert presence.watcher is None
            visits.leave(presence)
        assert asyncio.all_tasks() == before
        assert client.asked == 0

    asyncio.run(main())


def test_whoever_leaves_takes_its_watcher_along() -> None:
    async def main() -> None:
        client = Client()

        async def work(presence: Presence) -> None:
            presence.arrive()
            while not client.asked:
                await asyncio.sleep(0.01)

        presence = await scenario(client, PATIENCE_S, work)
        assert presence.watcher is not None
        await asyncio.wait({presence.watcher})
        assert presence.watcher.cancelled()
        assert not presence.left

    asyncio.run(main())


def test_one_slow_sender_does_not_end_the_others() -> None:
    async def main() -> list[Presence]:
        visits = Visits()
        release = asyncio.Event()

        async def work(presence: Presence) -> None:
            await release.wait()

        steady = asyncio.create_task(visit(visits, Client().receive, PATIENCE_S, work))
        slow = await asyncio.wait_for(visit(visits, Client().receive, 0.01, forever), PATIENCE_S)
        assert len(visits) == 1
        release.set()
        return [slow, await steady]

    assert [presence.slow for presence in asyncio.run(main())] == [True, False]
