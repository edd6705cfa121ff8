"""``moatkeeper calibrate``: honest traffic in, a calibration out, with what it may promise and whom it suspects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NamedTuple
from urllib.parse import quote

import numpy as np
import typer

from moatkeeper.cli.options import JsonOption
from moatkeeper.cli.output import note, say, say_json, table
from moatkeeper.errors import StoreError, UsageError
from moatkeeper.patterns.batch import Batch, joined
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.evidence import ALPHA, RANKS_ABOVE
from moatkeeper.patterns.registry import DETECTORS, HABITS
from moatkeeper.patterns.screening import Suspect
from moatkeeper.store.logs.base import LogForm
from moatkeeper.store.logs.faults import in_words
from moatkeeper.store.logs.gather import Gathering
from moatkeeper.store.logs.named import NamedColumns
from moatkeeper.store.logs.parts import gathered
from moatkeeper.store.logs.registry import form_named
from moatkeeper.store.logs.sheet import NOTHING, Heap

SUFFIX = ".calibration"
MOST_ROWS = 3_000_000
"""Honest rows that are held at once; larger: more memory (about 1 GB at 23 columns), rarer false alarms."""
_NAMED = 10  # suspects that the text names; --json has all


class Learned(NamedTuple):
    """What came of a log: the calibration, its suspects, and what there is to say about the reading."""

    calibration: Calibration
    suspects: Mapping[str, Suspect]
    left_out: bool
    told: list[str]


def calibrate(
    logs: Annotated[list[Path], typer.Argument(metavar="LOGS...", help="Files or folders of honest traffic.")],
    form: Annotated[
        str | None, typer.Option("--format", metavar="FORM", help="The logs' form; without it, recognised.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="ROLES", help="Which columns are what, for tables: account=user,at=ts,..."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="The model; needed where the logs hold several.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the calibration goes; without it, MODEL.calibration.")
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option("--leave-out", metavar="ACCOUNT", help="An account that is not honest, or is your own.")
    ] = None,
    leave_out_suspects: Annotated[
        bool, typer.Option("--leave-out-suspects", help="Leave out who does not fit among the others; the price is printed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Learn what honest traffic looks like, from a log of it.

    Reads the exchange logs of a shadow period, or any log that `moatkeeper hunt` reads, and writes one file. Accounts that do
    not fit among the others are named: look at them before you believe the calibration.

    Example: moatkeeper calibrate moatkeeper-data/exchanges --out calibrations/credit.calibration
    """
    if form is not None and columns is not None:
        raise UsageError("found --format and --columns, expected one of them")
    given: LogForm | None = NamedColumns.parse(columns) if columns else form_named(form) if form else None
    learned = learn(logs, given, model, frozenset(leave_out or ()), leave_out_suspects)
    name = learned.calibration.profile.model
    file = out if out is not None else Path((quote(name, safe="") or "model") + SUFFIX)
    _write(file, learned.calibration.to_bytes())
    for sentence in learned.told:
        note(sentence)
    if as_json:
        say_json(document(learned, file))
    else:
        say(text(learned, file))


def learn(
    logs: list[Path],
    form: LogForm | None = None,
    model: str | None = None,
    without: frozenset[str] = frozenset(),
    leave_out_suspects: bool = False,
) -> Learned:
    """The calibration of one model from logs of honest traffic; raises UsageError and CalibrationError."""
    with Gathering() as gathering:
        gathering.read(logs, form)
        heap = _heap(gathering.heaps, model)
        batches: list[Batch] = []
        rows = duplicates = 0
        for job in gathering.jobs(heap):
            for part in gathered(job):
                if rows < MOST_ROWS:
                    batches.append(part.batch)
                rows += len(part.batch)
                duplicates += part.duplicates
        told = in_words(gathering.tally, duplicates, {})
    if rows > MOST_ROWS:
        told.append(f"{rows:,} rows were found; about the first {MOST_ROWS:,}, of whole accounts, were learned from")
    batch = joined(batches)
    if without:
        kept = [name not in without for name in batch.names]
        if unknown := without - set(batch.names):
            told.append(f"not in the log, and so not left out: {', '.join(sorted(unknown))}")
        batch = batch.of_accounts(np.array(kept, dtype=bool))
    detectors = DETECTORS
    if heap.shape == NOTHING:
        detectors = MappingProxyType({name: one for name, one in DETECTORS.items() if name in HABITS})
        told.append("the log says nothing of what was asked: only when and how regularly accounts called was learned")
    if leave_out_suspects:
        screened = Calibration.screened(heap.model, batch, detectors)
        return Learned(_without_contents(heap, screened.calibration), screened.suspects, True, told)
    calibration = _without_contents(heap, Calibration.fit(heap.model, batch, detectors))
    return Learned(calibration, calibration.suspects(batch), False, told)


def _without_contents(heap: Heap, calibration: Calibration) -> Calibration:
    """The same; where the log has no contents, without the past of the tests for rings, which are of what was asked."""
    return replace(calibration, history=None) if heap.shape == NOTHING else calibration


def text(learned: Learned, file: Path) -> str:
    """What people read."""
    calibration, found = learned.calibration, learned.suspects
    lines = [
        f"{file}: {calibration.accounts:,} honest accounts, detectors {', '.join(calibration.profile.detectors)}",
        table(
            ("rows", "accounts on guard", "least p-value"),
            [(one.rows, len(one.honest), f"{1 / (len(one.honest) + 1):.2g}") for one in calibration.checkpoints],
        ),
        promise(calibration),
    ]
    if found:
        ordered = sorted(found, key=lambda name: -found[name].score)
        more = ", ..." if len(found) > _NAMED else ""
        lines.append(f"{len(found)} accounts do not fit among the others: {', '.join(ordered[:_NAMED])}{more}")
        share = len(found) / max(len(calibration.checkpoints[0].honest), 1)
        lines.append(
            f"They were left out. If all of them were honest, a bound of alpha is one of alpha + {share:.2g}."
            if learned.left_out
            else "They were learned from. If they are thieves, others like them will hide behind them: look at them, and run "
            "this again with --leave-out ACCOUNT or --leave-out-suspects."
        )
    return "\n\n".join(lines)


def promise(calibration: Calibration) -> str:
    """The false-alarm bound that these accounts allow, in words."""
    least = calibration.least_alpha
    if least <= ALPHA:
        return f"An honest account is ever named with a chance of at most {ALPHA:.1%}, however long it lives."
    if least <= RANKS_ABOVE:
        return (
            f"Too few accounts to name anybody under a bound of {ALPHA:.1%}: the least is {least:.2%}. Down to that, accounts "
            "can be watched and slowed down."
        )
    return (
        f"Too few accounts for any bound up to {RANKS_ABOVE:.0%}: the least is {least:.0%}. Findings will only rank accounts "
        "for a person; nothing will act on them."
    )


def document(learned: Learned, file: Path) -> dict[str, object]:
    """The same for machines."""
    calibration = learned.calibration
    return {
        "file": str(file),
        "model": calibration.profile.model,
        "accounts": calibration.accounts,
        "detectors": list(calibration.profile.detectors),
        "checkpoints": [{"rows": one.rows, "guards": len(one.honest)} for one in calibration.checkpoints],
        "least_alpha": calibration.least_alpha,
        "ranks_only": calibration.least_alpha > RANKS_ABOVE,
        "suspects": [
            {"account": name, "rows": one.rows, "score": one.score}
            for name, one in sorted(learned.suspects.items(), key=lambda item: -item[1].score)
        ],
        "suspects_left_out": learned.left_out,
    }


def _heap(heaps: tuple[Heap, ...], model: str | None) -> Heap:
    """The rows to learn from: of the model asked for, of its most common shape."""
    names = sorted({heap.model for heap in heaps})
    if not names:
        raise UsageError("found no exchange in the logs, expected honest traffic", hint="moatkeeper hunt says what it can read")
    if model is None and len(names) > 1:
        raise UsageError(f"found exchanges with {len(names)} models, expected --model, one of {', '.join(names[:20])}")
    wanted = names[0] if model is None else model
    if wanted not in names:
        raise UsageError(f"found no exchange with the model {wanted!r}, expected one of {', '.join(names[:20])}")
    return max((heap for heap in heaps if heap.model == wanted), key=lambda heap: heap.rows)


def _write(file: Path, content: bytes) -> None:
    """Replaces the file in one step, readable by its owner only; raises StoreError."""
    beside = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(file)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror or error}", hint="choose another place with --out") from error
