"""Holds and allow-lists: they end by themselves, reach other processes, and are all in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from moatkeeper.errors import UsageError
from moatkeeper.guard.ladder import Hold
from moatkeeper.store.holds import Holds, Scope
from moatkeeper.store.ledger_read import entries


def test_a_hold_is_in_force_until_it_ends_here_elsewhere_and_after_a_restart(data: Path) -> None:
    with Holds.open(data) as gateway, Holds.open(data) as command:
        command.give_hold("acme", 100.0, evidence=30.0, reason="undo", who="root", at=1.0)
        assert gateway.hold("acme", 50.0) is None
        gateway.refresh()
        assert gateway.hold("acme", 99.0) == Hold(100.0, 30.0)
        assert gateway.hold("acme", 100.0) is None
        assert gateway.hold("other", 50.0) is None
        command.give_hold("acme", 0.0, evidence=0.0, reason="over", at=2.0)
        gateway.refresh()
        assert gateway.hold("acme", 50.0) is None
    with Holds.open(data) as again:
        assert [one.reason for one in again.hold_history("acme")] == ["undo", "over"]
    recorded = [entry.fields for entry in entries(data, account="acme", kind="standing.hold")]
    assert [(one["reason"], one["evidence"]) for one in recorded] == [("undo", "30"), ("over", "0")]


def test_an_allowance_is_for_an_account_or_for_a_whole_organisation(data: Path) -> None:
    with Holds.open(data) as holds:
        holds.allow(Scope.ACCOUNT, "acme", 100.0, reason="licence", at=1.0)
        holds.allow(Scope.ORGANISATION, "group", 200.0, reason="batch", at=1.0)
        own, shared = holds.allowance("acme", "group", 50.0), holds.allowance("other", "group", 150.0)
        assert own is not None
        assert shared is not None
        assert (own.reason, shared.reason) == ("licence", "batch")
        assert holds.allowance("acme", "group", 150.0) == shared
        assert holds.allowance("other", "group", 200.0) is None
        assert holds.allowance("group", "", 50.0) is None
        assert holds.organisations == {"group"}
        holds.allow(Scope.ACCOUNT, "acme", 3.0, reason="over", at=3.0)
        assert holds.allowance("acme", "", 50.0) is None
        assert [(one.scope, one.name) for one in holds.allowances()] == [(Scope.ACCOUNT, "acme"), (Scope.ORGANISATION, "group")]
    assert len(list(entries(data, kind="standing.allowance"))) == 3


@pytest.mark.parametrize(("name", "reason"), [("", "x"), ("a", ""), ("a\n", "x")])
def test_names_that_do_not_print_are_refused_and_change_nothing(data: Path, name: str, reason: str) -> None:
    with Holds.open(data) as holds:
        with pytest.raises(UsageError):
            holds.give_hold(name, 10.0, evidence=0.0, reason=reason)
        with pytest.raises(UsageError):
            holds.allow(Scope.ACCOUNT, name, 10.0, reason=reason)
        assert holds.allowances() == ()
