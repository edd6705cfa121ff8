from __future__ import annotations

from collections.abc import Callable
from math import inf
from threading import active_count

import numpy as np
import pytest

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.errors import MoatkeeperError
from moatkeeper.redteam.baton import Baton, Seat
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.purse import Means, Purse
from moatkeeper.redteam.world import World
from tests.support.campaigns import guard, model

ROWS = np.zeros((1, 4))


def caller(name: str) -> Caller:
    return Caller(Account(name, tier="free"), f"key-{name}", "192.0.2.1", Basis.KEY)


def seat(world: World, baton: Baton, *, money: float = 100.0, end: float = 1_000.0) -> Seat:
    return Seat(world, baton, Purse(Means(money, 1.0, 5), PriceList(), began=world.now), end)


def visits(place: Seat, name: str, times: list[float], seen: list[tuple[float, str]]) -> Callable[[], None]:
    def theft() -> None:
        for at in times:
            place.advance(at)
            seen.append((place.now, name))
            place.ask(caller(name), ROWS)

    return theft


def test_whoever_asks_next_has_the_baton_and_customers_come_between() -> None:
    world, seen = World(model, guard()), list[tuple[float, str]]()
    baton = Baton(world)
    world.schedule(3.0, lambda: seen.append((world.now, "customer")))
    seats = [seat(world, baton), seat(world, baton)]
    a, b = visits(seats[0], "a", [1.0, 5.0, 5.0], seen), visits(seats[1], "b", [2.0, 4.0, 5.0, 9.0], seen)
    assert baton.run(seats, [a, b])
    expected = [(1.0, "a"), (2.0, "b"), (3.0, "customer"), (4.0, "b"), (5.0, "a"), (5.0, "a"), (5.0, "b"), (9.0, "b")]
    assert seen == expected
    assert world.now == 9.0


def test_only_one_thread_runs_at_a_time_and_none_is_left() -> None:
    world, seen = World(model), list[tuple[float, str]]()
    baton, before = Baton(world), active_count()
    seats = [seat(world, baton) for _ in range(8)]
    inside: list[int] = []

    def theft(place: Seat, number: int) -> Callable[[], None]:
        def run() -> None:
            for step in range(20):
                place.advance(place.now + 1 + (number * 7 + step) % 5)
                inside.append(number)
                place.ask(caller(str(number)), ROWS)
                assert inside.pop() == number
                seen.append((place.now, str(number)))

        return run

    assert baton.run(seats, [theft(place, number) for number, place in enumerate(seats)])
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)
    assert len(seen) == 160
    assert active_count() == before


def test_the_clock_stops_at_the_end_of_the_days_and_nothing_more_is_answered() -> None:
    world = World(model)
    baton = Baton(world)
    place = seat(world, baton, end=10.0)
    replies: list[bool] = []

    def theft() -> None:
        for at in (5.0, 10.0, 15.0):
            place.advance(at)
            replies.append(place.ask(caller("a"), ROWS).answers is not None)

    baton.run([place], [theft])
    assert replies == [True, True, False]
    assert (world.now, place.purse.empty, place.purse.rows) == (10.0, "the days are over", 2)


def test_an_empty_purse_is_refused_for_good_without_asking_the_guard() -> None:
    heard: list[str] = []
    world = World(model, guard(), watch=lambda query, decision: heard.append(query.id))
    baton = Baton(world)
    place = seat(world, baton, money=0.0)
    waits: list[float] = []
    baton.run([place], [lambda: waits.append(place.ask(caller("a"), ROWS).retry_after_s)])
    assert waits == [inf]
    assert heard == []


def test_a_failure_in_a_theft_is_raised_to_the_caller_and_ends_the_others() -> None:
    world = World(model)
    baton, before = Baton(world), active_count()
    seats = [seat(world, baton), seat(world, baton)]

    def fails() -> None:
        seats[0].advance(2.0)
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        baton.run(seats, [fails, visits(seats[1], "b", [1.0, 3.0, 5.0], [])])
    assert active_count() == before


def test_an_interruption_ends_all_thefts_with_what_they_have() -> None:
    world = World(model)
    baton = Baton(world)
    seats = [seat(world, baton), seat(world, baton)]
    got: dict[str, list[bool]] = {"a": [], "b": []}

    def interrupt() -> None:
        raise KeyboardInterrupt

    def patient(place: Seat, name: str) -> Callable[[], None]:
        def run() -> None:
            for at in (1.0, 2.0, 5.0, 6.0):
                place.advance(max(at, place.now))
                got[name].append(place.ask(caller(name), ROWS).answers is not None)

        return run

    world.schedule(4.0, interrupt)
    assert not baton.run(seats, [patient(one, name) for one, name in zip(seats, "ab", strict=True)])
    assert got == {name: [True, True, False, False] for name in "ab"}
    assert [one.purse.empty for one in seats] == ["the campaign was interrupted"] * 2
    assert world.now == 4.0


def test_time_does_not_run_backwards() -> None:
    world = World(model, start=5.0)
    place = seat(world, Baton(world))
    with pytest.raises(MoatkeeperError, match="cannot go back"):
        place.advance(4.0)
