"""Ties: which accounts share limits, since when, and who said so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.errors import StoreError, UsageError
from moatkeeper.store.actors import UNTIED, Actors
from moatkeeper.store.ledger_read import entries, verify
from moatkeeper.store.sqlite import FILE_NAME


@given(changes=st.lists(st.tuples(st.sampled_from(["", "one", "two"]), st.sampled_from("abc")), max_size=5))
@settings(max_examples=25)  # each opens three databases
def test_the_last_word_on_an_account_holds_here_elsewhere_and_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str]]
) -> None:
    data = tmp_path_factory.mktemp("ties")
    expected: dict[str, str] = {}
    with Actors.open(data) as gateway, Actors.open(data) as command:
        for actor, account in changes:
            if actor:
                command.tie(actor, [account], reason="test")
                expected[account] = actor
            elif account in expected:
                command.untie(account)
                del expected[account]
        assert gateway.refresh() is bool(gateway.history())
        assert not gateway.refresh()
        assert gateway.all() == command.all() == expected
    with Actors.open(data) as again:
        assert again.all() == expected
        assert [(tie.account, tie.actor) for tie in again.ties()] == sorted(expected.items(), key=lambda one: one[::-1])


def test_ties_and_their_end_are_in_the_history_and_in_the_ledger(data: Path) -> None:
    with Actors.open(data) as actors:
        actors.tie("ring-1", ["acme", "bravo", "acme"], reason="ring", note="hunt", who="root", at=5.0)
        actors.tie("ring-2", ["acme"], reason="ring", who="root", at=6.0)
        assert actors.untie("acme", note="appeal", who="root", at=7.0).actor == "ring-2"
        history = actors.history("acme")
        assert len(actors.history()) == 4
        assert actors.of("acme") is None
        tie = actors.of("bravo")
        assert tie is not None
        assert (tie.actor, tie.reason, tie.note, tie.who, tie.at) == ("ring-1", "ring", "hunt", "root", 5.0)
    assert [(tie.actor, tie.reason, tie.at) for tie in history] == [
        ("ring-1", "ring", 5.0),
        ("ring-2", "ring", 6.0),
        ("", UNTIED, 7.0),
    ]
    found = [(entry.fields["before"], entry.fields["after"]) for entry in entries(data, account="acme", kind="standing.tie")]
    assert found == [("", "ring-1"), ("ring-1", "ring-2"), ("ring-2", "")]
    assert verify(data).count == 4


def test_a_ring_of_a_thousand_is_tied_in_one_step(data: Path) -> None:
    ring = [f"account-{number}" for number in range(1_000)]
    with Actors.open(data) as actors:
        actors.tie("ring", ring, reason="ring")
        assert actors.all() == dict.fromkeys(ring, "ring")
    assert verify(data).count == 1_000


@pytest.mark.parametrize(
    ("actor", "accounts", "reason", "note"),
    [
        ("", ["a"], "x", ""),
        ("r\n", ["a"], "x", ""),
        ("r", [], "x", ""),
        ("r", ["good", ""], "x", ""),
        ("r", ["good", "\x1fr"], "x", ""),
        ("r", ["a" * 257], "x", ""),
        ("r", ["a"], "", ""),
        ("r", ["a"], "x", "\0"),
    ],
)
def test_names_that_do_not_print_are_refused_and_tie_nobody(
    data: Path, actor: str, accounts: list[str], reason: str, note: str
) -> None:
    with Actors.open(data) as actors:
        with pytest.raises(UsageError):
            actors.tie(actor, accounts, reason=reason, note=note)
        assert actors.history() == []
    assert verify(data).count == 0


def test_who_stands_alone_cannot_be_untied(data: Path) -> None:
    with Actors.open(data) as actors:
        with pytest.raises(UsageError, match="found no tie"):
            actors.untie("acme")
        assert actors.history() == []


def test_a_tie_that_cannot_be_written_ties_nobody(data: Path) -> None:
    with Actors.open(data) as actors:
        with closing(sqlite3.connect(data / FILE_NAME)) as other:
            other.execute("DROP TABLE ledger")
        with pytest.raises(StoreError):
            actors.tie("ring", ["a", "b"], reason="x")
        assert actors.all() == {}
        assert actors.history() == []
