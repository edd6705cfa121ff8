"""The ring tests over a whole log: every window by itself, and what belongs together put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from moatkeeper.hunt.attributes import traits_of
from moatkeeper.hunt.comparing import load, load_past
from moatkeeper.hunt.findings import Member, Ring
from moatkeeper.hunt.windows import WindowKey, whole
from moatkeeper.patterns.rings import look_for_rings
from moatkeeper.patterns.rings_report import Suspect
from moatkeeper.patterns.traits import Traits
from moatkeeper.store.logs.parts import seen


@dataclass(frozen=True, slots=True)
class RingJob:
    """One window, and what it is compared with. ``parts`` is how many parts the accounts have."""

    key: WindowKey
    windows: Path
    calibration: Path
    started: float
    folder: Path
    parts: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Tested:
    """What one window showed, and what could not be tested or promised in it."""

    ring: Ring | None
    accounts: int
    refused: tuple[str, ...]


def test_window(job: RingJob) -> Tested:
    """The ring tests of one window."""
    calibration, window = load(job.calibration), whole(job.windows, job.key)
    history, past = calibration.history, load_past(job.calibration)
    if history is None or not len(window):
        return Tested(None, len(window), ())
    traits = _traits(job, frozenset(window.names)) if past is not None else {}
    report = look_for_rings(calibration, window, traits, past=past)
    if not report.signs and not report.named:
        return Tested(None, len(window), report.refused)
    since = job.started + job.key.number * history.window_s
    scale = [sign.z / sign.cut for sign in report.signs if sign.cut > 0]
    shares = [sign.share for sign in report.signs if np.isfinite(sign.share)]
    ring = Ring(
        since,
        since + history.window_s,
        max(scale, default=float("nan")),
        max(shares, default=float("nan")),
        tuple(sign.words for sign in report.signs),
        tuple(map(_member, report.named)),
        tuple(map(_member, report.silent)),
    )
    return Tested(ring, len(window), report.refused)


def together(rings: Iterable[Ring]) -> tuple[Ring, ...]:
    """Rings of windows that overlap or follow each other as one, the most conspicuous first."""
    found: list[Ring] = []
    for ring in sorted(rings, key=lambda one: one.since):
        if found and ring.since <= found[-1].until:
            found[-1] = _both(found[-1], ring)
        else:
            found.append(ring)
    return tuple(sorted(found, key=lambda one: -_known(one.z)))


def _both(first: Ring, second: Ring) -> Ring:
    named = _united(first.named, second.named)
    names = {member.account for member in named}
    likely = tuple(member for member in _united(first.likely, second.likely) if member.account not in names)
    stronger, weaker = sorted((first, second), key=lambda one: -_known(one.z))
    return replace(
        stronger,
        since=min(first.since, second.since),
        until=max(first.until, second.until),
        share=max(_known(first.share), _known(second.share)),
        signs=tuple(dict.fromkeys(stronger.signs + weaker.signs)),
        named=named,
        likely=likely,
    )


def _united(first: Sequence[Member], second: Sequence[Member]) -> tuple[Member, ...]:
    by_name = {member.account: member for member in (*second, *first)}
    return tuple(by_name.values())


def _known(value: float) -> float:
    return value if np.isfinite(value) else 0.0


def _member(suspect: Suspect) -> Member:
    return Member(suspect.account, suspect.rows, suspect.reason)


def _traits(job: RingJob, names: frozenset[str]) -> dict[str, Traits]:
    found: dict[str, Traits] = {}
    for part in range(job.parts):
        known = traits_of(seen(job.folder, part, job.memory_mb))
        found.update({name: traits for name, traits in known.items() if name in names})
    return found
