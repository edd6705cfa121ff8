from __future__ import annotations

import asyncio

import pytest

from moatkeeper.serve import watch
from moatkeeper.serve.watch import NEVER, Watch


class Connection:
    """Counts how often it was told that its time is up."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.expired = 0

    def expire(self, now: float) -> None:
        self.expired += 1
        self.deadline = NEVER


def test_whoever_is_overdue_is_told_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SWEEP_S", 0.005)

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        made = Watch()
        overdue, early, gone = Connection(loop.time() - 1), Connection(NEVER), Connection(loop.time() - 1)
        for each in (overdue, early, gone):
            made.enter(each, loop)
        made.leave(gone)
        for _ in range(100):
            await asyncio.sleep(0.005)
            if overdue.expired:
                break
        return [overdue.expired, early.expired, gone.expired]

    assert asyncio.run(main()) == [1, 0, 0]


def test_a_server_without_connections_has_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SWEEP_S", 0.005)

    async def main() -> bool:
        made, connection = Watch(), Connection(NEVER)
        made.enter(connection, asyncio.get_running_loop())
        made.leave(connection)
        await asyncio.sleep(0.05)
        return made._sweeper is None

    assert asyncio.run(main())


def test_the_fields_of_every_answer_are_written_once_for_each_list() -> None:
    made = Watch()
    first, second = [(b"date", b"today")], [(b"date", b"tomorrow")]
    assert made.written(first) == b"date: today\r\n"
    assert made.written(first) is made.written(first)
    assert made.written(second) == b"date: tomorrow\r\n"
