"""Standings: what holds, since when, and who said so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.judgement import Standing
from moatkeeper.errors import StoreError, UsageError
from moatkeeper.store.ledger_read import entries, verify
from moatkeeper.store.standings import Standings


@given(changes=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Standing)), max_size=6))
def test_the_last_word_on_an_account_holds_here_elsewhere_and_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, Standing]]
) -> None:
    data = tmp_path_factory.mktemp("standings")
    with Standings.open(data) as gateway, Standings.open(data) as command:
        for account, standing in changes:
            command.set(account, standing, reason="test")
        expected = {account: standing for account, standing in dict(changes).items() if standing is not Standing.GOOD}
        assert gateway.refresh() == {account for account, _ in changes}
        assert gateway.all() == command.all() == expected
        assert [(change.account, change.standing) for change in gateway.history()] == changes
    with Standings.open(data) as again:
        assert again.all() == expected


def test_nobody_judged_is_good(data: Path) -> None:
    with Standings.open(data) as standings:
        assert standings.get("anybody") is Standing.GOOD


def test_a_change_and_its_undo_are_both_in_the_history_and_in_the_ledger(data: Path) -> None:
    with Standings.open(data) as standings:
        standings.set("acme", Standing.RESTRICTED, reason="line", note="two bursts", who="root", at=5.0)
        standings.set("acme", Standing.GOOD, reason="appeal", who="root", at=6.0)
        standings.set("other", Standing.WATCHED, reason="line", at=7.0)
        history = standings.history("acme")
    assert [(change.standing, change.reason, change.note, change.at) for change in history] == [
        (Standing.RESTRICTED, "line", "two bursts", 5.0),
        (Standing.GOOD, "appeal", "", 6.0),
    ]
    found = [(entry.fields["before"], entry.fields["after"]) for entry in entries(data, account="acme", kind="standing")]
    assert found == [("good", "restricted"), ("restricted", "good")]
    assert verify(data).count == 3


@pytest.mark.parametrize(("account", "reason"), [("", "x"), ("a", ""), ("a\n", "x"), ("a", "x\0"), ("a" * 257, "x")])
def test_names_that_do_not_print_are_refused_and_change_nothing(data: Path, account: str, reason: str) -> None:
    with Standings.open(data) as standings:
        with pytest.raises(UsageError):
            standings.set(account, Standing.WATCHED, reason=reason)
        assert not standings.all()


def test_a_change_from_elsewhere_is_told_although_an_own_one_came_between(data: Path) -> None:
    with Standings.open(data) as gateway, Standings.open(data) as command:
        command.set("acme", Standing.SUSPENDED, reason="test")
        gateway.set("other", Standing.WATCHED, reason="test", automatic=True)
        assert gateway.refresh() == {"acme", "other"}
        assert not gateway.refresh()


def test_what_was_decided_without_knowing_a_persons_word_does_not_undo_it(data: Path) -> None:
    with Standings.open(data) as gateway, Standings.open(data) as command:
        command.set("acme", Standing.TERMINATED, reason="test")
        with pytest.raises(StoreError, match="from elsewhere"):
            gateway.set("acme", Standing.RESTRICTED, reason="test", automatic=True)
        gateway.refresh()
        assert gateway.get("acme") is Standing.TERMINATED
        gateway.set("acme", Standing.RESTRICTED, reason="test", automatic=True)  # now it is known, and a decision
        assert len(gateway.history("acme")) == 2
