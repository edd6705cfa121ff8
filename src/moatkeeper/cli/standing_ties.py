"""A person's word that several accounts are one actor, and share the limits of one account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from moatkeeper.cli.keys import operator
from moatkeeper.cli.options import DEFAULT_DATA, DataOption, JsonOption
from moatkeeper.cli.output import note, say, say_json, table
from moatkeeper.store.actors import UNTIED, Actors, Tie

NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, in words.")]


def tie(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you call the actor; naming a known one adds to it.")],
    accounts: Annotated[list[str], typer.Argument(metavar="ACCOUNT...", help="The accounts' ids.")],
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, as a code: for reports, never for callers.")],
    note_text: NoteOption = "",
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Let accounts that belong to one actor share the limits of one account; nobody is told.

    An account has one actor at most: tied anew, it leaves the one before. The gateway follows within a second.

    Example: moatkeeper standing tie ring-1 acme bravo carol --reason ring --note "hunt of Monday"
    """
    with Actors.open(data) as actors:
        made = actors.tie(name, accounts, reason=reason, note=note_text, who=operator())
        members = [one.account for one in actors.ties() if one.actor == name]
    if as_json:
        say_json({"actor": name, "tied": [one.account for one in made], "accounts": members})
    else:
        say(f"{name}: {len(members)} {'account shares' if len(members) == 1 else 'accounts share'} the limits of one")


def untie(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")],
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, as a code.")] = UNTIED,
    note_text: NoteOption = "",
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Let an account stand alone again, with the limits that it was sold.

    What it took meanwhile still counts, in its own buckets and in its actor's.

    Example: moatkeeper standing untie acme --note "a customer of the same reseller, no more"
    """
    with Actors.open(data, create=False) as actors:
        before = actors.untie(account, reason=reason, note=note_text, who=operator())
    if as_json:
        say_json({"account": account, "before": before.actor})
    else:
        say(f"{account}: no longer shares the limits of {before.actor}")


def ties(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """List the accounts that share limits, by actor, with who said so and why.

    Example: moatkeeper standing ties
    """
    with Actors.open(data, create=False) as actors:
        found = actors.ties()
    if as_json:
        say_json([_plain(one) for one in found])
    elif found:
        head = ("actor", "account", "reason", "at", "who", "note")
        say(table(head, [(one.actor, one.account, one.reason, _iso(one.at), one.who, one.note) for one in found]))
    else:
        note("every account stands alone")


def _plain(one: Tie) -> dict[str, object]:
    return {
        "actor": one.actor,
        "account": one.account,
        "reason": one.reason,
        "note": one.note,
        "who": one.who,
        "at": _iso(one.at),
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
