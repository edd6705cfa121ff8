"""The ladder: up by evidence, down by time and quiet, never past a person's word, and never flapping."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.judgement import Reading, Signal, Standing
from moatkeeper.guard.ladder import DOUBLED, Footing, Hold, Kind, Known, Ladder, Move, Rules
from moatkeeper.guard.register import RegisterInMemory
from moatkeeper.patterns.finding import Finding
from moatkeeper.store.memory import InMemory

DAY_S = 86_400.0
ACT = Rules(act=True)
SIGNAL = Signal(Reading("low-margin", 0.9, "9 of 10 rows lie beside the decision boundary"), 0.001)
GOOD, WATCHED, RESTRICTED, SUSPENDED = Standing.GOOD, Standing.WATCHED, Standing.RESTRICTED, Standing.SUSPENDED


def finding(evidence: float, p_value: float = 0.001, at: float = DAY_S, *, ranks_only: bool = False) -> Finding:
    """One look at the account ``one``."""
    return Finding("one", "model", at, 64, p_value, evidence, (SIGNAL,), ranks_only)


class Scene:
    """An account, its memory and a ladder, told one look after another."""

    def __init__(self, rules: Rules = ACT) -> None:
        self.memory = InMemory()
        self.register = RegisterInMemory(self.memory)
        self.ladder = Ladder(rules)

    def look(self, evidence: float, p_value: float = 0.001, day: float = 1.0, *, ranks_only: bool = False) -> tuple[Move, ...]:
        """The moves after one more look."""
        return self.ladder.take([finding(evidence, p_value, day * DAY_S, ranks_only=ranks_only)], self.register)

    @property
    def standing(self) -> Standing:
        """What is in force."""
        return self.memory.standing("one")


looks = st.lists(st.tuples(st.floats(0, 500), st.floats(0, 1), st.floats(0.01, 10)), max_size=40)


def history(rules: Rules, told: list[tuple[float, float, float]]) -> tuple[Scene, list[Move]]:
    """A life of looks: by how much evidence grew, the p-value, and the days since the look before."""
    scene, moves, evidence, day = Scene(rules), list[Move](), 0.0, 1.0
    for growth, p_value, days in told:
        evidence, day = evidence + growth, day + days
        moves += scene.look(evidence, p_value, day)
    return scene, moves


@given(told=looks)
def test_nobody_is_raised_below_the_evidence_that_the_standing_takes(told: list[tuple[float, float, float]]) -> None:
    _, moves = history(ACT, told)
    depth = list(Standing).index
    for move in moves:
        if depth(move.after) > depth(move.before):
            assert move.evidence >= ACT.evidence(move.after)


@given(told=looks)
def test_the_automatic_never_suspends_unless_the_operator_says_so(told: list[tuple[float, float, float]]) -> None:
    scene, moves = history(ACT, told)
    assert all(move.after is not SUSPENDED or move.kind is Kind.PROPOSED for move in moves)
    assert scene.standing in (GOOD, WATCHED, RESTRICTED)
    assert Scene(replace(ACT, automatic=SUSPENDED)).look(2_000.0)[0].after is SUSPENDED


@given(told=looks)
def test_shadow_mode_reports_the_moves_that_acting_makes_and_changes_nothing(told: list[tuple[float, float, float]]) -> None:
    acting, made = history(ACT, told)
    shadow, reported = history(replace(ACT, act=False), told)
    steps = [[(one.at, one.before, one.after) for one in moves if one.kind is not Kind.PROPOSED] for moves in (made, reported)]
    assert steps[0] == steps[1]
    assert shadow.standing is GOOD
    assert all(move.kind in (Kind.SHADOW, Kind.PROPOSED) for move in reported)
    assert acting.standing is (next((m.after for m in reversed(made) if m.kind is Kind.DONE), GOOD))


@given(told=looks)
def test_nobody_flaps(told: list[tuple[float, float, float]]) -> None:
    _, moves = history(ACT, told)
    done = [move for move in moves if move.kind is Kind.DONE]
    depth = list(Standing).index
    for earlier, later in pairwise(done):
        if depth(later.after) < depth(later.before):
            assert later.at - earlier.at >= ACT.down_after_s
        elif depth(earlier.after) < depth(earlier.before):
            assert later.evidence >= DOUBLED * earlier.evidence


@given(told=looks, said=st.sampled_from([WATCHED, RESTRICTED, SUSPENDED, Standing.TERMINATED]))
def test_nobody_is_brought_below_what_a_person_said(told: list[tuple[float, float, float]], said: Standing) -> None:
    scene = Scene()
    scene.memory.stand("one", said)
    depth, evidence, day = list(Standing).index, 0.0, 1.0
    for growth, p_value, days in told:
        evidence, day = evidence + growth, day + days
        scene.look(evidence, p_value, day)
        assert depth(scene.standing) >= depth(said)


def test_an_account_goes_up_by_degrees_with_a_reason_code_and_words() -> None:
    scene = Scene()
    assert scene.look(19.0) == ()
    (watched,) = scene.look(25.0)
    assert (watched.before, watched.after, watched.kind, watched.reason) == (GOOD, WATCHED, Kind.DONE, "pattern:low-margin")
    assert "9 of 10 rows lie beside the decision boundary" in watched.words
    assert "one in 25" in watched.words
    (restricted,) = scene.look(150.0)
    assert (restricted.before, restricted.after) == (WATCHED, RESTRICTED)
    (proposed,) = scene.look(1_200.0)
    assert (proposed.after, proposed.kind) == (SUSPENDED, Kind.PROPOSED)
    assert scene.standing is RESTRICTED
    assert scene.look(1_300.0) == ()
    assert [move.kind for move in scene.look(2_400.0)] == [Kind.PROPOSED]


def test_it_comes_down_one_step_after_time_and_quiet_and_up_again_only_on_twice_the_evidence() -> None:
    scene = Scene()
    scene.look(150.0, day=1)
    assert scene.look(150.0, p_value=0.5, day=2) == ()
    assert scene.look(150.0, p_value=0.01, day=20) == ()  # not quiet: the count begins anew
    assert scene.look(150.0, p_value=0.5, day=21) == ()
    (down,) = scene.look(150.0, p_value=0.5, day=22)
    assert (down.before, down.after, down.reason) == (RESTRICTED, WATCHED, "pattern:quiet")
    assert scene.look(299.0, day=23) == ()
    (again,) = scene.look(300.0, day=24)
    assert again.after is RESTRICTED


def test_quiet_looks_alone_without_time_bring_nobody_down() -> None:
    scene = Scene()
    scene.look(150.0, day=1)
    for hour in range(12):
        assert scene.look(150.0, p_value=0.9, day=2 + hour / 24) == ()


def test_an_undo_holds_until_the_evidence_has_doubled_or_the_hold_ends() -> None:
    for evidence, day, moved in ((290.0, 5, False), (310.0, 5, True), (160.0, 41, True)):
        scene = Scene()
        scene.look(150.0, day=1)
        scene.memory.stand("one", GOOD)
        scene.register.holds["one"] = Hold(until=40 * DAY_S, evidence=150.0)
        scene.look(151.0, day=2)
        assert scene.standing is GOOD
        scene.look(evidence, day=day)
        assert (scene.standing is RESTRICTED) is moved


def test_without_a_hold_an_undo_would_be_overturned_by_the_next_look() -> None:
    scene = Scene()
    scene.look(150.0, day=1)
    scene.memory.stand("one", GOOD)
    scene.look(151.0, day=2)
    assert scene.standing is RESTRICTED


def test_an_allowed_account_comes_down_and_what_it_did_meanwhile_is_forgiven() -> None:
    scene = Scene()
    scene.look(150.0, day=1)
    scene.register.allowed["one"] = 30 * DAY_S
    (down,) = scene.look(400.0, day=2)
    assert (down.after, down.reason) == (GOOD, "allowed")
    assert scene.look(800.0, day=10) == ()
    assert scene.look(1_500.0, day=31) == ()
    assert scene.look(1_600.0, day=32)[0].after is RESTRICTED


def test_findings_that_only_rank_move_nothing_but_a_queue() -> None:
    scene = Scene(replace(ACT, automatic=SUSPENDED))
    (ranked,) = scene.look(5_000.0, ranks_only=True)
    assert ranked.kind is Kind.RANKED
    assert "too few honest accounts" in ranked.words
    assert scene.standing is GOOD
    assert scene.look(5_000.0, p_value=0.5, ranks_only=True) == ()


def test_an_ended_account_is_left_to_the_person_who_ended_it() -> None:
    scene = Scene()
    scene.memory.stand("one", Standing.TERMINATED)
    assert scene.look(5_000.0) == ()


def test_where_everything_needs_a_person_every_step_is_proposed() -> None:
    scene = Scene(replace(ACT, automatic=GOOD))
    assert [(move.kind, move.after) for move in scene.look(30.0)] == [(Kind.PROPOSED, WATCHED)]
    assert [(move.kind, move.after) for move in scene.look(150.0)] == [(Kind.PROPOSED, RESTRICTED)]
    assert scene.standing is GOOD


def test_acting_makes_up_for_what_shadow_mode_left_undone() -> None:
    known = Known(footing=Footing(RESTRICTED, DAY_S, reason="pattern:low-margin"))
    move = Ladder(ACT).enforce("one", known, 2 * DAY_S)
    assert move is not None
    assert (move.before, move.after, move.reason) == (GOOD, RESTRICTED, "pattern:low-margin")
    assert Ladder(Rules()).enforce("one", known, 2 * DAY_S) is None
    for kept in (replace(known, hold=Hold(3 * DAY_S)), replace(known, allowed=True), replace(known, said_at=1.5 * DAY_S)):
        assert Ladder(ACT).enforce("one", kept, 2 * DAY_S) is None


def test_a_move_that_cannot_be_written_is_made_when_the_finding_is_taken_again() -> None:
    class Failing(RegisterInMemory):
        broken = True

        def carry_out(self, move: Move) -> None:
            if self.broken:
                raise OSError("the disk is full")
            super().carry_out(move)

    scene = Scene()
    register = Failing(scene.memory)
    with pytest.raises(OSError, match="full"):
        scene.ladder.take([finding(1_500.0)], register)
    assert scene.standing is GOOD
    register.broken = False
    moves = scene.ladder.take([finding(1_500.0)], register)
    assert [move.kind for move in moves] == [Kind.DONE, Kind.PROPOSED]
