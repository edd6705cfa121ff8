"""``moatkeeper explain``: why an account stands where it stands."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from moatkeeper.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption
from moatkeeper.cli.output import say, say_json
from moatkeeper.cli.standing_holds import evidence_against
from moatkeeper.config.load import load
from moatkeeper.core.judgement import Standing
from moatkeeper.errors import UsageError
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.report.explanation import Explanation, at_model, document
from moatkeeper.report.explanation_page import as_page
from moatkeeper.report.explanation_text import text
from moatkeeper.store.calibrations import FOLDER, load_calibrations
from moatkeeper.store.cases import StoredCases
from moatkeeper.store.exchanges import exchanges_of
from moatkeeper.store.holds import Holds
from moatkeeper.store.proposals import OPEN, Proposals
from moatkeeper.store.register import footing_of
from moatkeeper.store.standings import StandingChange, Standings

EXAMPLES = 5


def explain(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with pictures there.")] = None,
    examples: Annotated[int, typer.Option(min=0, max=1000, help="Logged exchanges to show, the newest first.")] = EXAMPLES,
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Say why an account stands where it stands.

    Its signs, how they compare with honest accounts that sent as many rows, the looks that were taken, every change of its
    standing, and its last exchanges where `patterns.record` keeps them.

    Example: moatkeeper explain acme --html acme.html

    Exit codes: 0 done, 2 wrong usage, 3 a calibration cannot be read, 4 the data folder cannot be read.
    """
    folder = load(config).patterns.calibrations or data / FOLDER
    told = explanation(account, data, load_calibrations(folder), examples)
    if html is not None:
        try:
            html.write_text(as_page(told), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{html}: found {error.strerror or error}, expected a file that can be written") from error
    if as_json:
        say_json(document(told))
    else:
        say(text(told))


def explanation(account: str, data: Path, calibrations: Mapping[str, Calibration], examples: int) -> Explanation:
    """Everything that the data folder knows of an account."""
    now = time.time()
    with (
        Standings.open(data, create=False) as standings,
        StoredCases.open(data) as cases,
        Holds.open(data) as holds,
        Proposals.open(data) as proposals,
    ):
        held = holds.hold(account, now)
        allowed = holds.allowance(account, "", now)
        pending = [f"Held until {_day(held.until)}."] if held is not None else []
        pending += [f"Allowed until {_day(allowed.until)}: {allowed.reason}."] if allowed is not None else []
        pending += [
            f"Proposed: {one.standing.value} ({one.reason}): {one.words}"
            for one in proposals.history(account)
            if one.state == OPEN
        ]
        footing, standing = footing_of(data, account), standings.get(account)
        depth = list(Standing).index
        if depth(footing.own) > depth(standing):
            pending.append(f"In shadow mode it would be {footing.own.value} since {_day(footing.since)} ({footing.reason}).")
        return Explanation(
            account,
            standing,
            evidence_against(data, account),
            tuple(at_model(model, case, calibrations) for model, case in sorted(cases.models(account).items())),
            tuple(pending),
            tuple(map(_told, standings.history(account))),
            tuple(exchanges_of(data, account, examples)) if examples else (),
        )


def _told(change: StandingChange) -> str:
    who = f"{change.who} (automatic)" if change.automatic else change.who
    return f"{_time(change.at)}  {change.standing.value}  {change.reason}  by {who}{': ' + change.note if change.note else ''}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
