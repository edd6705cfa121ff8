"""The gateway's register: footings survive, moves are durable and told, and a person's word is told from the guard's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moatkeeper.core.judgement import Standing
from moatkeeper.guard.ladder import Footing, Kind, Move
from moatkeeper.store.holds import Holds, Scope
from moatkeeper.store.proposals import Proposals
from moatkeeper.store.register import Register
from moatkeeper.store.standings import Standings

FOOTING = Footing(Standing.WATCHED, 3.0, 1, 20.0, 0.0, "pattern:test")


class Place:
    """A register with everything that it stands on."""

    def __init__(self, data: Path) -> None:
        self.moves: list[Move] = []
        self.standings, self.holds, self.proposals = Standings.open(data), Holds.open(data), Proposals.open(data)
        self.register = Register(data, self.standings, self.holds, self.proposals, self.moves.append)


@contextmanager
def place(data: Path) -> Iterator[Place]:
    """A place that is closed in good order."""
    found = Place(data)
    yield found
    found.register.close()
    for part in (found.standings, found.holds, found.proposals):
        part.close()


def move(kind: Kind, after: Standing = Standing.RESTRICTED) -> Move:
    return Move("one", "model", 5.0, Standing.GOOD, after, kind, "pattern:test", "words\nwith a break", 120.0)


def test_footings_survive_a_restart(data: Path) -> None:
    with place(data) as here:
        here.register.keep("one", FOOTING)
        here.register.keep("two", Footing())
    with place(data) as again:
        assert again.register.known("one", 9.0).footing == FOOTING
        assert again.register.footings() == {"one": FOOTING}


def test_what_was_not_written_is_lost_by_a_kill(data: Path) -> None:
    killed = Place(data)
    killed.register.keep("one", FOOTING)
    with place(data) as again:
        assert again.register.known("one", 9.0).footing == Footing()
    killed.register.write()
    with place(data) as again:
        assert again.register.known("one", 9.0).footing == FOOTING


def test_a_move_of_ours_is_in_the_history_and_is_no_persons_word(data: Path) -> None:
    with place(data) as here:
        here.register.carry_out(move(Kind.DONE))
        known = here.register.known("one", 9.0)
        assert (known.standing, known.said, known.said_at) == (Standing.RESTRICTED, Standing.GOOD, 0.0)
        (change,) = here.standings.history("one")
        assert (change.reason, change.who, change.automatic) == ("pattern:test", "moatkeeper", True)
        here.standings.set("one", Standing.WATCHED, reason="review", who="moatkeeper", at=7.0)  # a person of that name
        known = here.register.known("one", 9.0)
        assert (known.standing, known.said, known.said_at) == (Standing.WATCHED, Standing.WATCHED, 7.0)


def test_a_proposal_waits_and_a_shadow_move_changes_nothing(data: Path) -> None:
    with place(data) as here:
        for kind in (Kind.SHADOW, Kind.PROPOSED, Kind.RANKED):
            here.register.carry_out(move(kind, Standing.SUSPENDED))
        assert here.standings.get("one") is Standing.GOOD
        assert here.proposals.count() == 1
        assert [one.kind for one in here.moves] == [Kind.SHADOW, Kind.PROPOSED, Kind.RANKED]


def test_members_of_an_allowed_organisation_are_known_by_their_queries(data: Path) -> None:
    with place(data) as here:
        here.register.belongs("early", "group")
        here.holds.allow(Scope.ORGANISATION, "group", 100.0, reason="licence", at=1.0)
        here.register.belongs("one", "group")
        here.register.belongs("two", "")
        allowed = {name: here.register.known(name, 50.0).allowed for name in ("early", "one", "two")}
        assert allowed == {"early": False, "one": True, "two": False}
