from __future__ import annotations

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Cost, InputKind, Inputs, Query
from moatkeeper.serve.shadow import MAX_ACCOUNTS, ShadowReport


def query(account: str) -> Query:
    caller = Caller(Account(account), "", "192.0.2.1", Basis.BEARER)
    return Query("1", caller, "m", 0.0, Inputs(InputKind.OPAQUE, 1), Cost(1))


def decision(*, would_admit: bool, reason: str = "limit:account/rows") -> Decision:
    return Decision(True, would_admit, "" if would_admit else reason, 0.0, Standing.GOOD, Contract())


def test_what_would_have_been_refused_is_counted_by_reason_and_by_account_the_worst_first() -> None:
    report = ShadowReport()
    report.note(query("honest"), decision(would_admit=True))
    report.note(query("busy"), decision(would_admit=False))
    for _ in range(2):
        report.note(query("busier"), decision(would_admit=False, reason="limit:key/rows"))
    assert report.document(shadow=True) == {
        "mode": "shadow",
        "queries": 4,
        "would_refuse": 3,
        "reasons": {"limit:account/rows": 1, "limit:key/rows": 2},
        "accounts_affected": 2,
        "queries_of_unlisted_accounts": 0,
        "most_affected": [{"account": "busier", "queries": 2}, {"account": "busy", "queries": 1}],
    }


def test_an_enforced_limit_is_reported_as_refusals_that_were_made() -> None:
    report = ShadowReport()
    report.note(query("busy"), decision(would_admit=False))
    document = report.document(shadow=False)
    assert (document["mode"], document["refused"]) == ("enforce", 1)
    assert "would_refuse" not in document


def test_the_report_does_not_grow_with_the_number_of_accounts() -> None:
    report = ShadowReport()
    for number in range(MAX_ACCOUNTS + 5):
        report.note(query(f"account-{number}"), decision(would_admit=False))
    report.note(query("account-0"), decision(would_admit=False))
    document = report.document(shadow=True, most=3)
    assert document["would_refuse"] == MAX_ACCOUNTS + 6
    assert document["accounts_affected"] == MAX_ACCOUNTS
    assert document["queries_of_unlisted_accounts"] == 5
    most = document["most_affected"]
    assert isinstance(most, list)
    assert most[0] == {"account": "account-0", "queries": 2}
    assert len(most) == 3
