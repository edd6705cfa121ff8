"""``moatkeeper keys``: make API keys, list them, revoke them."""

from __future__ import annotations

import getpass
import os
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from moatkeeper.cli.options import DEFAULT_DATA, DataOption, JsonOption
from moatkeeper.cli.output import note, say, say_json, table
from moatkeeper.store.keys import KeyRecord, Keys

DAY_S = 86_400.0

app = typer.Typer(no_args_is_help=True, help="Add, list and revoke API keys.")


@app.command("add")
def add(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Who will be charged for what the key asks.")],
    organisation: Annotated[str, typer.Option("--organisation", metavar="ID", help="The organisation it belongs to.")] = "",
    tier: Annotated[str, typer.Option("--tier", metavar="NAME", help="What it was sold.")] = "default",
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="A note for yourself.")] = "",
    days: Annotated[float | None, typer.Option("--days", min=0.0, help="Valid for so long; else until revoked.")] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it, this once: only a keyed digest of it is kept.

    Example: moatkeeper keys add acme --tier enterprise --days 365
    """
    now = time.time()
    with Keys.open(data) as keys:
        expires = None if days is None else now + days * DAY_S
        new = keys.add(account, organisation, tier, label, expires, who=operator(), at=now)
    if as_json:
        say_json({"key": new.plaintext, **_plain(new.record)})
        return
    say(new.plaintext)
    note(f"Key {new.record.id} of {account}. It is not shown again.")


@app.command("list")
def list_command(
    account: Annotated[str | None, typer.Option("--account", metavar="ID", help="Only of this account.")] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """List all keys, also expired and revoked ones; never the keys themselves.

    Example: moatkeeper keys list --account acme
    """
    with Keys.open(data, create=False) as keys:
        records = list(keys.list(account))
    if as_json:
        say_json([_plain(record) for record in records])
        return
    if not records:
        note("no keys")
        return
    head = ("id", "account", "organisation", "tier", "state", "made", "label")
    now = time.time()
    say(table(head, [_row(record, now) for record in records]))


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id: the part between the underscores.")],
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """End a key for good; a running gateway learns of it within a second.

    Example: moatkeeper keys revoke k3q7abcd
    """
    with Keys.open(data, create=False) as keys:
        record = keys.revoke(key_id, who=operator())
    if as_json:
        say_json(_plain(record))
    else:
        say(f"revoked {record.id} of {record.account.id}")


def _row(record: KeyRecord, now: float) -> tuple[str, ...]:
    account = record.account
    return (record.id, account.id, account.organisation, account.tier, _state(record, now), _day(record.created), record.label)


def _state(record: KeyRecord, now: float) -> str:
    if record.revoked is not None:
        return f"revoked {_day(record.revoked)}"
    if record.expires is None:
        return "valid"
    return f"{'expired' if now >= record.expires else 'valid until'} {_day(record.expires)}"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _plain(record: KeyRecord) -> dict[str, str | None]:
    account = record.account
    times = {"created": record.created, "expires": record.expires, "revoked": record.revoked}
    return {
        "id": record.id,
        "account": account.id,
        "organisation": account.organisation,
        "tier": account.tier,
        "label": record.label,
        **{name: None if at is None else datetime.fromtimestamp(at, UTC).isoformat() for name, at in times.items()},
    }


def operator() -> str:
    """Who runs this command, for the ledger: the login name, or the user's number where the system knows no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
