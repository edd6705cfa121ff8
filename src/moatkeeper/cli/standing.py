"""``moatkeeper standing``: how accounts are treated, who decided so, and the way back."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from moatkeeper.cli.keys import operator
from moatkeeper.cli.options import DEFAULT_DATA, DataOption, JsonOption
from moatkeeper.cli.output import note, say, say_json, table
from moatkeeper.cli.standing_holds import (
    allow,
    allowances,
    approve,
    dismiss,
    hold,
    hold_after_set,
    plain_allowance,
    plain_hold,
    plain_proposal,
    proposals,
    undo,
)
from moatkeeper.cli.standing_ties import tie, ties, untie
from moatkeeper.core.judgement import Standing
from moatkeeper.store.actors import Actors
from moatkeeper.store.holds import Holds
from moatkeeper.store.proposals import OPEN, Proposals
from moatkeeper.store.standings import StandingChange, Standings

app = typer.Typer(no_args_is_help=True, help="Show and change the standing of accounts.")

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]


@app.command("set")
def set_command(
    account: AccountArgument,
    standing: Annotated[Standing, typer.Argument(help="From trusted to ended; good undoes all others.")],
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, as a code: for reports, never for callers.")],
    note_text: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, in words.")] = "",
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Set an account's standing, with a reason; it is recorded in the ledger and can be set back.

    Where that takes back what the guard did, the account is held there, as by undo.

    Example: moatkeeper standing set acme watched --reason line-search --note "two bursts on Sunday"
    """
    with Standings.open(data) as standings:
        before, history, now = standings.get(account), standings.history(account), time.time()
        depth = list(Standing).index
        if history and history[-1].automatic and depth(standing) < depth(before):
            hold_after_set(data, account, now)
        change = standings.set(account, standing, reason=reason, note=note_text, who=operator(), at=now)
    if as_json:
        say_json({"before": before.value, **_plain(change)})
    else:
        say(f"{account}: {before.value} -> {standing.value}")


@app.command("show")
def show(account: AccountArgument, data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Print an account's standing, what is pending about it, and every change of it.

    Example: moatkeeper standing show acme
    """
    now = time.time()
    with Standings.open(data, create=False) as standings, Holds.open(data) as holds, Proposals.open(data) as asked:
        current, history = standings.get(account), standings.history(account)
        held = [one for one in holds.hold_history(account)[-1:] if now < one.until]
        allowed = holds.allowance(account, "", now)
        waiting = [one for one in asked.history(account) if one.state == OPEN]
    with Actors.open(data) as actors:
        tied = actors.of(account)
    if as_json:
        say_json(
            {
                "account": account,
                "standing": current.value,
                "history": [_plain(change) for change in history],
                "hold": plain_hold(held[0]) if held else None,
                "allowance": plain_allowance(allowed) if allowed is not None else None,
                "proposal": plain_proposal(waiting[0]) if waiting else None,
                "actor": tied.actor if tied is not None else None,
            }
        )
        return
    say(f"{account}: {current.value}")
    for one in held:
        say(f"held until {_iso(one.until)} ({one.reason})")
    if allowed is not None:
        say(f"allowed until {_iso(allowed.until)} ({allowed.reason})")
    if tied is not None:
        say(f"shares the limits of {tied.actor} ({tied.reason})")
    for proposal in waiting:
        say(f"proposed: {proposal.standing.value} ({proposal.reason}): {proposal.words}")
    if history:
        say(_table(history))


@app.command("list")
def list_command(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """List the accounts that are not in good standing, with the change that made it so.

    Example: moatkeeper standing list
    """
    with Standings.open(data, create=False) as standings:
        last = {change.account: change for change in standings.history()}
    changes = [change for _, change in sorted(last.items()) if change.standing is not Standing.GOOD]
    if as_json:
        say_json([_plain(change) for change in changes])
    elif changes:
        say(_table(changes))
    else:
        note("every account is in good standing")


app.command("undo")(undo)
app.command("hold")(hold)
app.command("allow")(allow)
app.command("allowances")(allowances)
app.command("proposals")(proposals)
app.command("approve")(approve)
app.command("dismiss")(dismiss)
app.command("tie")(tie)
app.command("untie")(untie)
app.command("ties")(ties)


def _table(changes: list[StandingChange]) -> str:
    head = ("account", "standing", "reason", "at", "who", "note")
    return table(head, [(c.account, c.standing.value, c.reason, _iso(c.at), c.who, c.note) for c in changes])


def _plain(change: StandingChange) -> dict[str, object]:
    return {
        "account": change.account,
        "standing": change.standing.value,
        "reason": change.reason,
        "note": change.note,
        "who": change.who,
        "at": _iso(change.at),
        "automatic": change.automatic,
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
