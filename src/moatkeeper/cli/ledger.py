"""``moatkeeper ledger``: verify the chain, show what it holds, export it for a stranger to verify."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated

import orjson
import typer

from moatkeeper.cli.options import DEFAULT_DATA, DataOption, JsonOption
from moatkeeper.cli.output import note, say, say_json, table
from moatkeeper.errors import UsageError
from moatkeeper.evidence.chain import Head, parse_head
from moatkeeper.evidence.export import ends_at
from moatkeeper.store.ledger_read import LedgerEntry, entries, export, verify, verify_file

SHOWN = 50
"""Records that ``show`` prints unless it is told otherwise."""
_PLACES = ("account", "key", "model", "rows", "status", "admitted", "would_admit", "reason", "standing")

app = typer.Typer(no_args_is_help=True, help="Verify, show and export the ledger.")

Known = Annotated[str, typer.Option("--head", metavar="SEQ:LINK", help="A head noted earlier, to be found again.")]
Since = Annotated[str, typer.Option("--since", metavar="TIME", help="From this time on (ISO 8601, else UTC).")]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="Before this time.")]


@app.command("verify")
def verify_command(
    data: DataOption = DEFAULT_DATA,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Verify an export instead, offline.")] = None,
    head: Known = "",
    as_json: JsonOption = False,
) -> None:
    """Check every record and link; exit 5 and name the first fault where the chain is broken.

    Note the head that it prints somewhere else: given back with --head, it shows that nothing before it was cut off or
    written anew.

    Example: moatkeeper ledger verify --data moatkeeper-data
    """
    known = _known(head)
    summary = verify(data, known) if file is None else verify_file(file, known)
    first, last = _iso(summary.first), _iso(summary.last)
    if as_json:
        counts = {"records": summary.count, "erased": summary.erased}
        say_json({"verified": True, **counts, "first": first, "last": last, "head": str(summary.head)})
        return
    say(f"verified  {summary.count} records" + (f", {summary.erased} of them erased" if summary.erased else ""))
    if first is not None:
        say(f"from      {first}\nto        {last}")
    say(f"head      {summary.head}")


@app.command("show")
def show(
    data: DataOption = DEFAULT_DATA,
    account: Annotated[str | None, typer.Option("--account", metavar="ID", help="Only of this account.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only of this kind, such as query.")] = None,
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The newest so many; larger: more to read.")] = SHOWN,
    as_json: JsonOption = False,
) -> None:
    """Print the newest records that match, oldest first; with --json one object a line.

    Example: moatkeeper ledger show --account acme --since 2026-01-01 -n 20
    """
    found = entries(data, account=account, kind=kind, since=_time(since), until=_time(until), limit=limit)
    if as_json:
        for entry in found:
            values = {"seq": entry.seq, "at": _iso(entry.at), "kind": entry.kind, **entry.fields}
            say(orjson.dumps(values).decode())
        return
    rows = [(entry.seq, _iso(entry.at), entry.kind, *_told(entry)) for entry in found]
    if not rows:
        note("nothing matches")
        return
    say(table(("seq", "at", "kind", "account", "what"), rows))


@app.command("export")
def export_command(
    data: DataOption = DEFAULT_DATA,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to; else standard output.")] = None,
    after: Annotated[int, typer.Option("--after", metavar="SEQ", min=0, help="Only records with a larger number.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write the records as JSON Lines, which `moatkeeper ledger verify --file` checks anywhere; the lines hold no raw input.

    The file is JSON with or without --json, which makes only the closing word on standard error JSON too.

    Example: moatkeeper ledger export --out ledger.jsonl
    """
    lines = export(data, after=after)
    last = b""
    if out is None:
        for last in lines:
            sys.stdout.buffer.write(last)
        sys.stdout.buffer.flush()
    else:
        first = next(lines)  # before the file is made: an unreadable ledger leaves none behind
        try:
            descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise UsageError(f"{out}: {error.strerror}", hint="Name a file that does not exist yet.") from error
        with os.fdopen(descriptor, "wb") as file:
            for last in chain((first,), lines):
                file.write(last)
    head = ends_at(last)
    note(orjson.dumps({"head": str(head)}).decode() if as_json else f"head      {head}")


def _told(entry: LedgerEntry) -> tuple[str, str]:
    """The account, and the rest in one cell: what matters first of a query, everything of other kinds."""
    names = _PLACES[1:] if entry.kind == "query" else tuple(name for name in entry.fields if name != "account")
    told = (f"{name}={_word(entry.fields[name])}" for name in names if entry.fields.get(name) not in (None, ""))
    return _word(entry.fields.get("account", "")), " ".join(told)


def _word(value: object) -> str:
    # A record may hold what a caller sent: no control character of it may reach the terminal.
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if text.isprintable() else orjson.dumps(text).decode()


def _known(text: str) -> Head | None:
    if not text:
        return None
    try:
        return parse_head(text)
    except ValueError as error:
        raise UsageError(f"--head: {error}", hint="Give the head as `moatkeeper ledger verify` printed it.") from error


def _time(text: str) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time", hint="Such as 2026-01-31 or 2026-01-31T12:00:00+01:00.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
