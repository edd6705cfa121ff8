"""``moatkeeper replay``: what a configuration would have refused in an old log, and who would have noticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from moatkeeper.cli.options import ConfigOption, JsonOption
from moatkeeper.cli.output import say, say_json, table
from moatkeeper.config.load import load
from moatkeeper.config.policy import policy
from moatkeeper.config.settings import Settings
from moatkeeper.core.answer import Usage
from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.errors import UsageError
from moatkeeper.evidence.canonical import MICROSECONDS
from moatkeeper.evidence.records import QUERY
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.replay import Event, Outcome, Report
from moatkeeper.guard.replay import replay as replayed
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.store.ledger_log import Logged, events, logged_queries, logged_query, query_of_log
from moatkeeper.store.memory import InMemory

_NAMED = 10  # accounts that the text names; --json has all
_EXPORTED = {"body", "ledger", "end"}  # one of these keys is in every line that `moatkeeper ledger export` writes
_SWEEP_S = 60.0  # of the log's own time between two looks for idle buckets


@dataclass(slots=True)
class Impact:
    """What a configuration means for the accounts of one tier."""

    queries: int = 0
    refused_queries: int = 0
    refused_rows: int = 0
    accounts: set[str] = field(default_factory=set)
    noticing: set[str] = field(default_factory=set)

    def add(self, outcome: Outcome) -> None:
        """Counts one query."""
        account = outcome.query.caller.account.id
        self.queries += 1
        self.accounts.add(account)
        if not outcome.decision.would_admit:
            self.refused_queries += 1
            self.refused_rows += outcome.query.cost.rows
            self.noticing.add(account)


def replay(
    ledger: Annotated[
        Path | None, typer.Option("--ledger", metavar="DIR", help="Data folder whose ledger is replayed.")
    ] = None,
    log: Annotated[Path | None, typer.Option("--log", metavar="FILE", help="Log to replay: a JSON object a line.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an old log through a configuration.

    Prints what would have been refused, and who would have noticed.

    --log also reads what "moatkeeper ledger export" wrote. A line of another log needs "at" (seconds since 1970, or a time
    such as 2026-01-31T12:00:00Z) and "account"; it may say "rows" (1), "tokens" (0), "seconds" that it took (0),
    "organisation", "tier", "key", "address" and "model".

    Example: moatkeeper replay --ledger moatkeeper-data --config moatkeeper.toml
    """
    settings = load(config)
    report, impacts = assess(events(_logged(ledger, log, settings)), settings)
    if as_json:
        say_json(_document(report, impacts))
    else:
        say(_text(report, impacts))


def assess(happened: Iterable[Event], settings: Settings) -> tuple[Report, dict[str, Impact]]:
    """The sums over everything, and over each tier, of what a configuration would have decided."""
    memory, report, impacts = InMemory(), Report(), dict[str, Impact]()
    guard = Guard(policy(settings), LeastOutput())
    swept = 0.0
    for outcome in replayed(happened, guard, memory):
        if outcome.query.at - swept >= _SWEEP_S:
            swept = outcome.query.at
            memory.sweep(swept)
        report.add(outcome)
        tier = outcome.query.caller.account.tier
        known = tier if tier in settings.tiers else settings.limits.default_tier
        impacts.setdefault(known, Impact()).add(outcome)
    return report, impacts


def _logged(ledger: Path | None, log: Path | None, settings: Settings) -> list[Logged]:
    tier = settings.limits.default_tier
    if ledger is not None and log is None:
        found = logged_queries(ledger)
    elif log is not None and ledger is None:
        read = (_of_line(number, line, log, tier) for number, line in enumerate(_lines(log), start=1) if line.strip())
        found = [one for one in read if one is not None]
    else:
        raise UsageError("found no log to replay, or two, expected either --ledger DIR or --log FILE")
    return sorted(found, key=lambda one: one.query.at)


def _lines(log: Path) -> list[bytes]:
    try:
        return log.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"{log}: found {error.strerror or error}, expected a readable file") from error


def _of_line(number: int, line: bytes, log: Path, default_tier: str) -> Logged | None:
    """A line of a log; None for a line of an exported ledger that is no query. Raises UsageError that names the line."""

    def wrong(expected: str) -> UsageError:
        return UsageError(f"{log}:{number}: found a line that cannot be replayed, expected {expected}")

    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise wrong("a JSON object") from error
    if isinstance(fields, dict) and not fields.keys().isdisjoint(_EXPORTED):
        body = fields.get("body")
        return logged_query(str(number), body["at"] / MICROSECONDS, body) if body and body["kind"] == QUERY else None
    if not isinstance(fields, dict) or not isinstance(fields.get("account"), str) or not fields["account"]:
        raise wrong('a JSON object with the text "account"')
    names = ("organisation", "tier", "key", "address", "model")
    if not all(isinstance(fields.get(name, ""), str) for name in names):
        raise wrong(f"texts for {', '.join(names)}")
    amounts = [fields.get(name, standard) for name, standard in (("rows", 1), ("tokens", 0), ("seconds", 0))]
    if not all(isinstance(amount, int | float) and not isinstance(amount, bool) and amount >= 0 for amount in amounts):
        raise wrong("numbers from 0 up for rows, tokens and seconds")
    rows, tokens, seconds = amounts
    try:
        at = _seconds(fields.get("at"))
    except ValueError as error:
        raise wrong('"at" as seconds since 1970, or as a time with its zone such as 2026-01-31T12:00:00Z') from error
    text = {name: fields.get(name, "") for name in names}
    # A log that names accounts was written by somebody who knew them: their word counts as checked.
    account = Account(fields["account"], text["organisation"], text["tier"] or default_tier)
    caller = Caller(account, text["key"], text["address"], Basis.HEADER)
    query = query_of_log(str(number), caller, text["model"], at, int(rows), int(tokens))
    return Logged(query, Usage(int(rows), int(tokens)), float(seconds))


def _seconds(value: object) -> float:
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return moment.astimezone(UTC).timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError("no time")


def _document(report: Report, impacts: Mapping[str, Impact]) -> dict[str, object]:
    return {
        "queries": report.queries,
        "rows": report.rows,
        "refused_queries": report.refused_queries,
        "refused_rows": report.refused_rows,
        "longest_retry_s": report.longest_retry_s,
        "tiers": {
            name: {
                "accounts": len(impact.accounts),
                "accounts_noticing": len(impact.noticing),
                "queries": impact.queries,
                "refused_queries": impact.refused_queries,
                "refused_rows": impact.refused_rows,
            }
            for name, impact in sorted(impacts.items())
        },
        "reasons": {name: {"queries": one.queries, "rows": one.rows} for name, one in report.by_reason().items()},
        "accounts": {name: {"queries": one.queries, "rows": one.rows} for name, one in report.by_account().items()},
    }


def _text(report: Report, impacts: Mapping[str, Impact]) -> str:
    parts = [
        f"{report.queries} queries with {report.rows} rows; {report.refused_queries} queries with {report.refused_rows} rows "
        "would have been refused"
    ]
    tiers = [
        (name, len(one.accounts), len(one.noticing), one.queries, one.refused_queries, one.refused_rows)
        for name, one in sorted(impacts.items())
    ]
    if tiers:
        parts.append(table(("tier", "accounts", "of them noticing", "queries", "refused", "rows refused"), tiers))
    if report.refused_queries:
        parts.append(table(("reason", "queries", "rows"), [(name, *one) for name, one in report.by_reason().items()]))
        accounts = [(name, *one) for name, one in report.by_account().items()]
        parts.append(table(("account", "queries", "rows"), accounts[:_NAMED]))
        if len(accounts) > _NAMED:
            parts.append(f"and {len(accounts) - _NAMED} more accounts; --json names them all")
    return "\n\n".join(parts)
