"""Proposals: one open for each account, the surest first, and a person's answer is on record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from moatkeeper.core.judgement import Standing
from moatkeeper.errors import UsageError
from moatkeeper.guard.ladder import Kind, Move
from moatkeeper.store.ledger_read import entries
from moatkeeper.store.proposals import APPROVED, DISMISSED, Proposals

MOVE = Move(
    "acme",
    "model",
    5.0,
    Standing.RESTRICTED,
    Standing.SUSPENDED,
    Kind.PROPOSED,
    "pattern:low-margin",
    "words",
    1_200.0,
    0.001,
    64,
)


def test_a_proposal_waits_until_somebody_decides(data: Path) -> None:
    with Proposals.open(data) as proposals:
        proposals.propose(MOVE)
        (waiting,) = proposals.waiting()
        assert (waiting.account, waiting.standing, waiting.reason, waiting.rows) == (
            "acme",
            Standing.SUSPENDED,
            "pattern:low-margin",
            64,
        )
        closed = proposals.close_one("acme", APPROVED, who="root", at=6.0)
        assert closed.id == waiting.id
        assert proposals.waiting() == []
        assert proposals.count() == 0
        (kept,) = proposals.history("acme")
        assert (kept.state, kept.who, kept.closed) == (APPROVED, "root", 6.0)
        with pytest.raises(UsageError, match="no open proposal"):
            proposals.close_one("acme", DISMISSED, who="root")
    states = [entry.fields["state"] for entry in entries(data, account="acme", kind="standing.proposal")]
    assert states == ["open", "approved"]


def test_an_open_proposal_takes_the_stronger_reason_and_no_second_one_is_opened(data: Path) -> None:
    with Proposals.open(data) as proposals:
        proposals.propose(MOVE)
        proposals.propose(replace(MOVE, evidence=900.0, p_value=0.5, reason="pattern:weaker"))
        proposals.propose(replace(MOVE, evidence=2_400.0, reason="pattern:stronger"))
        (waiting,) = proposals.waiting()
        assert (waiting.evidence, waiting.reason) == (2_400.0, "pattern:stronger")


def test_what_rests_on_a_bound_comes_before_what_only_ranks(data: Path) -> None:
    with Proposals.open(data) as proposals:
        proposals.propose(replace(MOVE, account="ranked", kind=Kind.RANKED, evidence=9_999.0))
        proposals.propose(replace(MOVE, account="weak"))
        proposals.propose(replace(MOVE, account="strong", evidence=5_000.0))
        assert [one.account for one in proposals.waiting()] == ["strong", "weak", "ranked"]
        assert len(proposals.waiting(2)) == 2
        assert proposals.count() == 3


def test_words_from_a_callers_inputs_cannot_break_the_store(data: Path) -> None:
    with Proposals.open(data) as proposals:
        proposals.propose(replace(MOVE, words="a\nb\0" + "c" * 10_000))
        assert proposals.waiting()[0].words.startswith("abccc")
