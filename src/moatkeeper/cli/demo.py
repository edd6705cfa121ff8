"""``moatkeeper demo``: a theft of a real model, bare and guarded, in about a minute."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from moatkeeper.demo.picture import draw
from moatkeeper.demo.processes import stop_on_sigterm
from moatkeeper.demo.report import as_json, as_text
from moatkeeper.demo.run import Plan, perform
from moatkeeper.demo.stage import Stage, staged
from moatkeeper.demo.theft import LADDER
from moatkeeper.demo.tour import VISITORS, tour
from moatkeeper.errors import MissingExtra, UsageError

INTERRUPTED = 130
EXTRAS = {"sklearn": "scikit-learn", "matplotlib": "matplotlib"}


def demo(
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there as JSON.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave both servers running, with examples to try, until Ctrl-C.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for the picture, the logs and the gateway's data.")] = Path("demo-out"),
    seed: Annotated[int, typer.Option(min=0, help="Draws who trains, who asks, who is held out, and what thieves ask.")] = 0,
    repetitions: Annotated[int, typer.Option(min=1, max=20, help="Thieves of each kind. More: steadier figures, longer.")] = 3,
    budget: Annotated[int, typer.Option(min=50, max=10_000, help="Rows that each thief asks for. More: longer.")] = LADDER[-1],
) -> None:
    """Steal a real model, bare and behind Moatkeeper, and show what the guard is worth.

    Serves a credit model trained on real data, lets honest customers and thieves loose on it, with and without the gateway,
    and prints what each got. Everything runs on this machine and is measured in this run.

    Example: moatkeeper demo --json figures.json

    Exit codes: 0 done, 1 a server failed, 2 wrong usage, 3 scikit-learn or matplotlib is missing, 130 interrupted.
    """
    _require_extras()
    _make_folders(out, *([json_file.parent] if json_file else []))
    stop_on_sigterm()
    plan = Plan(seed, repetitions, budget)
    try:
        _tell("starting the model server and the gateway")
        with staged(out, seed, {**plan.cast, **VISITORS}) as stage:
            findings = perform(stage, plan, _tell)
            draw(findings, out / "theft.png")
            if json_file is not None:
                json_file.write_text(json.dumps(as_json(findings), indent=2) + "\n")
            typer.echo(as_text(findings))
            typer.echo(f"\nPicture: {out / 'theft.png'}. Ledger and logs: {out}.")
            if keep:
                _keep(stage)
    except KeyboardInterrupt:
        typer.echo("interrupted; both servers are stopped", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _keep(stage: Stage) -> None:
    typer.echo(tour(stage))
    try:
        stage.watch()
    except KeyboardInterrupt:
        typer.echo("stopping both servers", err=True)


def _make_folders(*folders: Path) -> None:
    """Before anything is measured, so that no minute is lost to a folder that cannot be written."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make the folder {folder}: {error.strerror}", hint="Name another with --out.") from error


def _require_extras() -> None:
    missing = [package for module, package in EXTRAS.items() if find_spec(module) is None]
    if missing:
        raise MissingExtra(f"the demo needs {' and '.join(missing)}", hint="pip install 'moatkeeper[demo]'")


def _tell(step: str) -> None:
    """Progress for people: nothing where stderr is not a terminal."""
    if sys.stderr.isatty():
        typer.echo(step, err=True)
