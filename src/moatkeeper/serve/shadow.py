"""What enforcement would have done: the report that a team reads before it switches limits on."""

from __future__ import annotations

from collections import defaultdict

from moatkeeper.core.judgement import Decision
from moatkeeper.core.query import Query

MAX_ACCOUNTS = 10_000
"""Accounts named in the report; those beyond are counted together, so that the report cannot be made to grow."""


class ShadowReport:
    """Counts refusals that were not made (or, where limits are enforced, that were), by reason and by account."""

    def __init__(self) -> None:
        self._seen = 0
        self._refused = 0
        self._reasons: defaultdict[str, int] = defaultdict(int)
        self._accounts: defaultdict[str, int] = defaultdict(int)
        self._others = 0

    def note(self, query: Query, decision: Decision) -> None:
        """Takes one decision in."""
        self._seen += 1
        if decision.would_admit:
            return
        self._refused += 1
        self._reasons[decision.reason] += 1
        account = query.caller.account.id
        if account in self._accounts or len(self._accounts) < MAX_ACCOUNTS:
            self._accounts[account] += 1
        else:
            self._others += 1

    def document(self, *, shadow: bool, most: int = 20) -> dict[str, object]:
        """The report as JSON values, the ``most`` affected accounts first."""
        worst = sorted(self._accounts.items(), key=lambda pair: -pair[1])[:most]
        return {
            "mode": "shadow" if shadow else "enforce",
            "queries": self._seen,
            "would_refuse" if shadow else "refused": self._refused,
            "reasons": dict(self._reasons),
            "accounts_affected": len(self._accounts),
            "queries_of_unlisted_accounts": self._others,
            "most_affected": [{"account": account, "queries": count} for account, count in worst],
        }
