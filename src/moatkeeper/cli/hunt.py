"""``moatkeeper hunt``: the detectors over past logs, months of them, without moving any traffic."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from moatkeeper.cli.options import JsonOption
from moatkeeper.cli.output import say, say_json, shown, table
from moatkeeper.errors import StoreError, UsageError
from moatkeeper.hunt.findings import HuntFindings, ModelFindings, Ring
from moatkeeper.hunt.hunt import Quarry
from moatkeeper.hunt.hunt import hunt as hunted
from moatkeeper.patterns.evidence import ALPHA
from moatkeeper.patterns.finding import Finding
from moatkeeper.report.hunt_json import as_json as document
from moatkeeper.report.hunt_page import as_page, headline, moment, reasons
from moatkeeper.store.logs.base import LogForm, Unreadable
from moatkeeper.store.logs.gather import MEMORY_MB, WORKERS, Tell
from moatkeeper.store.logs.named import NamedColumns
from moatkeeper.store.logs.piece_reader import Window
from moatkeeper.store.logs.registry import form_named
from moatkeeper.store.logs.times import moment as read_moment

EXIT_FOUND = 10
"""Somebody stands out: for cron, and no error."""
BAR_WIDTH = 30
MEMBERS = 10  # of a ring that the text names; --json has all
MOST_WORKERS = 64


def hunt(
    logs: Annotated[list[Path], typer.Argument(metavar="LOGS...", help="Log files, or folders of them.")],
    log_format: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="What the logs are; without it, they are recognised.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="ROLE=COLUMN,...", help="What the columns of a table are: account=...,at=...,inputs=f0:f22,..."),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Calibration on honest traffic; without it, the log's own halves.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Look at this model only.")] = None,
    as_json: JsonOption = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one page for people there.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Leave out what was before, such as 2026-01-31.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Leave out what was then or later.")] = None,
    alpha: Annotated[
        float, typer.Option(min=1e-6, max=0.1, help="Chance that an honest account is named. Smaller: fewer, later.")
    ] = ALPHA,
    temporary: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to sort; it needs the logs' size.")] = None,
    memory: Annotated[int, typer.Option(min=256, metavar="MB", help="For sorting, all processes together.")] = MEMORY_MB,
    workers: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Processes.")] = WORKERS,
) -> None:
    """Look for thieves and rings in past logs; no traffic moves.

    Reads Moatkeeper's own exchange log, LiteLLM's spend logs, MLflow and Databricks inference tables, KServe's payload
    logger, payload logs of vLLM and others, Envoy's and nginx's access logs in JSON, and tables (CSV, Parquet, JSON lines).
    Prints rings first, then accounts with reasons, then what could not be looked at.

    Example: moatkeeper hunt logs/ --calibration honest.calibration --html found.html

    Exit codes: 0 nobody stands out, 10 somebody does, 2 wrong usage or a log of no known form, 3 the calibration cannot be
    used or duckdb is missing, 4 a log cannot be read to its end, or there is no room to sort it or to write the page.
    """
    _writable(html)
    quarry = Quarry(
        tuple(logs),
        _form(log_format, columns),
        calibration,
        model,
        Window(_time("--since", since, float("-inf")), _time("--until", until, float("inf"))),
        alpha,
        temporary,
        memory,
        workers,
    )
    findings = hunted(quarry, _bar())
    _progress("")
    if html is not None:
        try:
            html.write_text(as_page(findings), encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{html}: {error.strerror or error}", hint="choose another place with --html") from error
    if as_json:
        say_json(document(findings))
    else:
        say("\n\n".join(_text(findings)))
    if findings.found:
        raise typer.Exit(EXIT_FOUND)


def _form(name: str | None, columns: str | None) -> LogForm | None:
    named = NamedColumns()
    if columns is not None:
        if name not in (None, named.name):
            raise UsageError(f"found --columns with --format {name}, expected --columns alone: it is for tables")
        return NamedColumns.parse(columns)
    return form_named(name) if name is not None else None


def _time(option: str, text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        return read_moment(text, "time")
    except Unreadable as error:
        raise UsageError(f"{option}: {error}") from None


def _text(findings: HuntFindings) -> Iterator[str]:
    yield headline(findings)
    for model in findings.models:
        yield from _rings(model)
    for model in findings.models:
        yield from _accounts(model)
    for model in findings.models:
        yield from (f"{model.model or 'the model'}: {told}" for told in model.notes)
    yield from findings.notes
    per_second = findings.exchanges / max(findings.took_s, 1e-9)
    yield f"{findings.exchanges:,} exchanges in {findings.took_s:.1f} s, {per_second:,.0f} a second"


def _rings(model: ModelFindings) -> Iterator[str]:
    for ring in model.rings:
        share = f", at least {ring.share:.0%} of the accounts" if isfinite(ring.share) else ""
        head = f"{model.model or 'the model'}: A RING from {moment(ring.since)} to {moment(ring.until)}{share}"
        yield "\n".join([head, *(f"  {sign.words}" for sign in ring.signs), *_members(ring)])


def _members(ring: Ring) -> Iterator[str]:
    for told, members in (("named", ring.named), ("likely, without a promise", ring.likely)):
        if members:
            names = ", ".join(shown(member.account) for member in members[:MEMBERS])
            more = f" and {len(members) - MEMBERS:,} more" if len(members) > MEMBERS else ""
            yield f"  {told} ({len(members):,}): {names}{more}"


def _accounts(model: ModelFindings) -> Iterator[str]:
    who = f"{model.looked_at:,} of {model.accounts:,} accounts compared with {model.basis.value}"
    yield f"{model.model or 'the model'}: {len(model.named):,} accounts named; {who}"
    if model.named:
        yield _table(model.named)
    if model.ranked:
        yield "the next strangest, not accused:\n" + _table(model.ranked[:MEMBERS])


def _table(found: tuple[Finding, ...]) -> str:
    rows = [(one.account, one.rows, f"{one.p_value:.2g}", f"{one.evidence:.3g}", reasons(one)) for one in found]
    return table(("account", "rows", "p", "evidence", "why"), rows)


def _writable(file: Path | None) -> None:
    """Before anything is read, so that no minute is lost to a file that cannot be written."""
    if file is not None and (file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK)):
        raise UsageError(f"{file}: found {'a folder' if file.is_dir() else 'no right to write'}, expected a file to write")


def _bar() -> Tell | None:
    """A bar for what is going on; nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        return None

    def tell(what: str, done: int, of: int) -> None:
        filled = round(BAR_WIDTH * done / max(of, 1))
        _progress(f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {what}")

    return tell


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
