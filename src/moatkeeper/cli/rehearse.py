"""``moatkeeper rehearse``: months of honest customers and thieves before several guards, in minutes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
import typer

from moatkeeper.cli.output import note, say
from moatkeeper.cli.rehearse_plan import defences_of, plan_of, scene_of
from moatkeeper.config.campaign import campaign_of
from moatkeeper.config.load import COMMAND_LINE, Document, read
from moatkeeper.errors import UsageError
from moatkeeper.redteam.rehearsal import Rehearsal, rehearse as rehearsed
from moatkeeper.redteam.rehearsal_document import document
from moatkeeper.redteam.rehearsal_text import text

INTERRUPTED = 130
BAR_WIDTH = 30
ONE_THREAD = "OMP_NUM_THREADS"


def rehearse(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="The campaign; without it, the shipped defaults.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there as JSON.")] = None,
    days: Annotated[float | None, typer.Option(min=0.01, max=3650, help="Length of the campaign, in days.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws customers, rows, and what thieves ask.")] = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="NAME", help="A named story's thieves instead of the file's; see --scenarios.")
    ] = None,
    scenarios: Annotated[bool, typer.Option("--scenarios", help="List the named stories, and what each is about.")] = False,
) -> None:
    """Rehearse a theft: months of honest customers and thieves before several guards, in minutes.

    Everything runs in this process on a simulated clock. Prints, for each guard, what thieves got for their money and
    time, who was noticed, and what it did to honest customers. Ctrl-C leaves a partial report.

    Example: moatkeeper rehearse --config examples/campaign.toml --json figures.json

    Exit codes: 0 done, 2 wrong usage, 3 the campaign's file is wrong or scikit-learn is missing, 130 interrupted.
    """
