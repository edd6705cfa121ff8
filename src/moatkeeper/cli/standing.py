"""``moatkeeper standing``: how accounts are treated, who decided so, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from moatkeeper.cli.keys import operator
from moatkeeper.cli.options import DEFAULT_DATA, DataOption, JsonOption
from moatkeeper.cli.output import note, say, say_json, table
from moatkeeper.core.judgement import Standing
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

    Example: moatkeeper standing set acme watched --reason line-search --note "two bursts on Sunday"
    """
    with Standings.open(data) as standings:
        before = standings.get(account)
        change = standings.set(account, standing, reason=reason, note=note_text, who=operator())
    if as_json:
        say_json({"before": before.value, **_plain(change)})
    else:
        say(f"{account}: {before.value} -> {standing.value}")


@app.command("show")
def show(account: AccountArgument, data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """Print an account's standing and every change of it.

    Example: moatkeeper standing show acme
    """
    with Standings.open(data, create=False) as standings:
        current, history = standings.get(account), standings.history(account)
    if as_json:
        say_json({"account": account, "standing": current.value, "history": [_plain(change) for change in history]})
        return
    say(f"{account}: {current.value}")
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


def _table(changes: list[StandingChange]) -> str:
    head = ("account", "standing", "reason", "at", "who", "note")
    return table(head, [(c.account, c.standing.value, c.reason, _iso(c.at), c.who, c.note) for c in changes])


def _plain(change: StandingChange) -> dict[str, str]:
    return {
        "account": change.account,
        "standing": change.standing.value,
        "reason": change.reason,
        "note": change.note,
        "who": change.who,
        "at": _iso(change.at),
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
