"""The register in memory: what a person did is told apart from what the ladder did."""

from __future__ import annotations

from moatkeeper.core.judgement import Standing
from moatkeeper.guard.ladder import Kind, Move
from moatkeeper.guard.register import RegisterInMemory
from moatkeeper.store.memory import InMemory


def move(after: Standing, kind: Kind = Kind.DONE) -> Move:
    return Move("one", "model", 1.0, Standing.GOOD, after, kind, "pattern:test", "words", 30.0)


def test_a_standing_that_was_set_elsewhere_is_a_persons_word() -> None:
    memory = InMemory()
    register = RegisterInMemory(memory)
    register.carry_out(move(Standing.WATCHED))
    known = register.known("one", 5.0)
    assert (known.standing, known.said, known.said_at) == (Standing.WATCHED, Standing.GOOD, 0.0)
    memory.stand("one", Standing.RESTRICTED)
    known = register.known("one", 6.0)
    assert (known.standing, known.said, known.said_at) == (Standing.RESTRICTED, Standing.RESTRICTED, 6.0)
    assert register.known("one", 7.0).said_at == 6.0


def test_only_what_is_to_be_done_is_done() -> None:
    memory = InMemory()
    register = RegisterInMemory(memory)
    for kind in (Kind.SHADOW, Kind.PROPOSED, Kind.RANKED):
        register.carry_out(move(Standing.RESTRICTED, kind))
    assert memory.standing("one") is Standing.GOOD
    assert len(register.moves) == 3


def test_an_allowance_ends() -> None:
    register = RegisterInMemory(InMemory())
    register.allowed["one"] = 10.0
    assert register.known("one", 9.0).allowed
    assert not register.known("one", 10.0).allowed
    assert not register.known("two", 9.0).allowed
