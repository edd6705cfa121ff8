"""A person's word against the automatic: undo, hold, allow; and what the guard asks a person."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from moatkeeper.cli.keys import operator
from moatkeeper.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption
from moatkeeper.cli.output import note, say, say_json, table
from moatkeeper.config.load import load
from moatkeeper.core.judgement import Standing
from moatkeeper.errors import UsageError
from moatkeeper.store.calibrations import FOLDER, SUFFIX
from moatkeeper.store.cases import StoredCases
from moatkeeper.store.holds import Allowance, HoldGiven, Holds, Scope
from moatkeeper.store.proposals import APPROVED, DISMISSED, Proposal, Proposals
from moatkeeper.store.standings import UNDO, Standings, before_last

DAY_S = 86_400.0
WORDS_SHOWN = 60
"""Characters of a reason that a table shows; --json has all of it."""

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, in words.")]
DaysOption = Annotated[
    float | None,
    typer.Option("--days", min=0.0, help="Length of the hold; without it, `patterns.hold` of the configuration says."),
]


def undo(
    account: AccountArgument,
    days: DaysOption = None,
    note_text: NoteOption = "",
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Take the last change of an account's standing back, and hold the account there.

    The guard does not raise it again before the hold ends, unless the evidence doubles. Undoing again goes further back.

    Example: moatkeeper standing undo acme --note "their own batch job"
    """
    now = time.time()
    with Standings.open(data, create=False) as standings, Holds.open(data) as holds:
        before, after = standings.get(account), before_last(standings.history(account))
        if after is None:
            raise UsageError(f"{account}: found no change of its standing that is not undone, expected one")
        until = now + _hold_s(days, config)
        # First, so that no look in between overturns it.
        held = _held(holds, data, account, until, UNDO, note_text, now)
        standings.set(account, after, reason=UNDO, note=note_text, who=operator(), at=now)
    if as_json:
        say_json({"account": account, "before": before.value, "standing": after.value, "held_until": _iso(held.until)})
    else:
        say(f"{account}: {before.value} -> {after.value}, held until {_day(held.until)}")


def hold(
    account: AccountArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, as a code.")],
    days: DaysOption = None,
    note_text: NoteOption = "",
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Keep the guard from changing an account's standing, until the hold ends or the evidence doubles; 0 days end it.

    Example: moatkeeper standing hold acme --days 30 --reason migration
    """
    now = time.time()
    with Holds.open(data) as holds:
        held = _held(holds, data, account, now + _hold_s(days, config), reason, note_text, now)
    if as_json:
        say_json(plain_hold(held))
    else:
        say(f"{account}: held until {_day(held.until)}" if held.until > now else f"{account}: no longer held")


def allow(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account's id, or with --organisation the organisation's.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="CODE", help="Why, as a code: licence, batch, own-evaluation, ...")
    ],
    days: Annotated[float, typer.Option("--days", min=0.0, help="For how long; 0 takes it back.")],
    organisation: Annotated[bool, typer.Option("--organisation", help="NAME is an organisation.")] = False,
    note_text: NoteOption = "",
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Let an account or organisation do what looks like theft: a licence to distil, a batch, your own evaluations.

    What the guard itself did about an allowed account is taken back, and what it does meanwhile is never held against it.

    Example: moatkeeper standing allow acme --days 90 --reason licence --note "contract 4711"
    """
    now = time.time()
    with Standings.open(data) as standings, Holds.open(data) as holds:
        scope = Scope.ORGANISATION if organisation else Scope.ACCOUNT
        given = holds.allow(scope, name, now + days * DAY_S, reason=reason, note=note_text, who=operator(), at=now)
        restored = scope is Scope.ACCOUNT and days > 0 and _restore(standings, name, reason, now)
    if as_json:
        say_json({**plain_allowance(given), "restored": restored})
        return
    say(f"{name}: allowed until {_day(given.until)}" if days > 0 else f"{name}: no longer allowed")
    if restored:
        say(f"{name}: back in the standing that a person gave it")


def allowances(
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """List the allow-list: who may do what looks like theft, until when and why.

    Example: moatkeeper standing allowances
    """
    now = time.time()
    with Holds.open(data, create=False) as holds:
        found = [one for one in holds.allowances() if everything or now < one.until]
    if as_json:
        say_json([plain_allowance(one) for one in found])
    elif found:
        head = ("scope", "name", "until", "reason", "who", "note")
        say(table(head, [(one.scope.value, one.name, _day(one.until), one.reason, one.who, one.note) for one in found]))
    else:
        note("nobody is allowed more than others")


def proposals(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """List what the guard asks a person to decide, the surest first.

    `ranked` proposals rest on too few honest accounts for a bound: they are only the strangest of all.

    Example: moatkeeper standing proposals
    """
    with Proposals.open(data, create=False) as found:
        waiting = found.waiting()
    if as_json:
        say_json([plain_proposal(one) for one in waiting])
    elif waiting:
        say(_table(waiting))
    else:
        note("nothing waits for a decision")


def approve(
    account: AccountArgument, note_text: NoteOption = "", data: DataOption = DEFAULT_DATA, as_json: JsonOption = False
) -> None:
    """Do what is proposed for an account; a person's decision from then on.

    Example: moatkeeper standing approve acme --note "seen with legal"
    """
    now = time.time()
    with Proposals.open(data, create=False) as found, Standings.open(data) as standings:
        before = standings.get(account)
        closed = found.close_one(account, APPROVED, who=operator(), at=now)
        standings.set(account, closed.standing, reason=closed.reason, note=note_text, who=operator(), at=now)
    if as_json:
        say_json({**plain_proposal(closed), "state": APPROVED, "before": before.value})
    else:
        say(f"{account}: {before.value} -> {closed.standing.value}")


def dismiss(
    account: AccountArgument,
    days: DaysOption = None,
    note_text: NoteOption = "",
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Refuse what is proposed for an account, and hold the account where it is.

    Example: moatkeeper standing dismiss acme --note "their fraud team tests us"
    """
    now = time.time()
    with Proposals.open(data, create=False) as found, Holds.open(data) as holds:
        closed = found.close_one(account, DISMISSED, who=operator(), at=now)
        held = _held(holds, data, account, now + _hold_s(days, config), DISMISSED, note_text, now)
    if as_json:
        say_json({**plain_proposal(closed), "state": DISMISSED, "held_until": _iso(held.until)})
    else:
        say(f"{account}: dismissed, held until {_day(held.until)}")


def hold_after_set(data: Path, account: str, now: float) -> HoldGiven:
    """The hold that goes with a person's step down, so that the next look does not overturn it."""
    with Holds.open(data) as holds:
        return _held(holds, data, account, now + load(None).patterns.hold, "set", "", now)


def plain_hold(given: HoldGiven) -> dict[str, object]:
    """A hold as JSON values."""
    return {
        "account": given.account,
        "until": _iso(given.until),
        "evidence": given.evidence,
        "reason": given.reason,
        "note": given.note,
        "who": given.who,
        "at": _iso(given.at),
    }


def plain_allowance(given: Allowance) -> dict[str, object]:
    """An allowance as JSON values."""
    return {
        "scope": given.scope.value,
        "name": given.name,
        "until": _iso(given.until),
        "reason": given.reason,
        "note": given.note,
        "who": given.who,
        "at": _iso(given.at),
    }


def plain_proposal(one: Proposal) -> dict[str, object]:
    """A proposal as JSON values."""
    return {
        "account": one.account,
        "model": one.model,
        "standing": one.standing.value,
        "kind": one.kind.value,
        "reason": one.reason,
        "words": one.words,
        "evidence": one.evidence,
        "p_value": one.p_value,
        "rows": one.rows,
        "at": _iso(one.at),
        "state": one.state,
        "who": one.who,
        "closed": None if one.closed is None else _iso(one.closed),
    }


def _restore(standings: Standings, account: str, reason: str, now: float) -> bool:
    """Takes back what the guard did; whether there was anything."""
    said = standings.said(account)
    persons = Standing.GOOD if said is None else said.standing
    if standings.get(account) is persons:
        return False
    standings.set(account, persons, reason=reason, note="allowed", who=operator(), at=now)
    return True


def _held(holds: Holds, data: Path, account: str, until: float, reason: str, note_text: str, now: float) -> HoldGiven:
    evidence = evidence_against(data, account)
    return holds.give_hold(account, until, evidence=evidence, reason=reason, note=note_text, who=operator(), at=now)


def evidence_against(data: Path, account: str) -> float:
    """The evidence against an account, as findings state it: the mean over calibrated models.

    Where the calibrations lie in a folder that only the configuration knows, the mean over the account's own models, which is
    as large or larger: a hold then holds longer.
    """
    with StoredCases.open(data) as cases:
        found = cases.evidence(account).values()
    calibrated = len(list((data / FOLDER).glob(f"*{SUFFIX}")))
    return sum(found) / max(len(found), calibrated, 1)


def _hold_s(days: float | None, config: Path | None) -> float:
    return load(config).patterns.hold if days is None else days * DAY_S


def _table(waiting: Sequence[Proposal]) -> str:
    head = ("account", "proposed", "kind", "reason", "evidence", "p-value", "rows", "at", "words")
    rows = [
        (
            one.account,
            one.standing.value,
            one.kind.value,
            one.reason,
            f"{one.evidence:,.1f}",
            f"{one.p_value:.3g}",
            one.rows,
            _iso(one.at),
            one.words if len(one.words) <= WORDS_SHOWN else one.words[:WORDS_SHOWN] + "...",
        )
        for one in waiting
    ]
    return table(head, rows)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
