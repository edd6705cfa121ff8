"""The ring tests over a whole log: every window by itself, and what belongs together put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from moatkeeper.hunt.attributes import traits_of
from moatkeeper.hunt.comparing import load, load_past
from moatkeeper.hunt.findings import Member, Ring, strength
from moatkeeper.hunt.windows import WindowKey, whole
from moatkeeper.patterns.berk_jones import LEAST_WINDOW
from moatkeeper.patterns.rings import look_for_rings
from moatkeeper.patterns.rings_report import RingReport, Sign, Suspect
from moatkeeper.patterns.shared_cells import LEAST_COMPONENT
from moatkeeper.patterns.traits import Traits
from moatkeeper.store.logs.parts import seen

EXCESS = "excess of"
"""How the names of the global tests begin, which count all accounts of a window."""


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
    """What one window showed, and what was too weak, or could not be tested or promised in it."""

    ring: Ring | None
    accounts: int
    notes: tuple[str, ...]


def test_window(job: RingJob) -> Tested:
    """The ring tests of one window."""
    calibration, window = load(job.calibration), whole(job.windows, job.key)
    history, past = calibration.history, load_past(job.calibration)
    if history is None or not len(window):
        return Tested(None, len(window), ())
    traits = _traits(job, frozenset(window.names)) if past is not None else {}
    report = look_for_rings(calibration, window, traits, past=past)
    if not _stands_out(report):
        return Tested(None, len(window), (*_weak(report), *report.refused))
    since = job.started + job.key.number * history.window_s
    members = (tuple(map(_member, listed)) for listed in (report.named, report.silent))
    ring = Ring(since, since + history.window_s, report.signs, *members)
    return Tested(ring, len(window), report.refused)


def _stands_out(report: RingReport) -> bool:
    """Whether there is a ring: all accounts of the window together are too strange, or enough of them that belong together.

    A few accounts that merely meet, or one that is listed by itself, are no ring: in a window with few accounts that happens
    among honest ones.
    """
    if any(sign.test.startswith(EXCESS) for sign in report.signs):
        return True
    conspicuous = any(strength(sign) > 1 for sign in report.signs)
    return conspicuous and report.accounts >= LEAST_WINDOW and len(report.named) + len(report.silent) >= LEAST_COMPONENT


def _weak(report: RingReport) -> tuple[str, ...]:
    """What is there all the same, for people who look closer."""
    listed = ", ".join(suspect.account for suspect in (*report.named, *report.silent)[:LEAST_COMPONENT])
    if not report.signs and not listed:
        return ()
    what = "; ".join(sign.words for sign in report.signs) or "accounts that are strange together"
    return (f"too weak for a ring: {what}" + (f" ({listed})" if listed else ""),)


def together(rings: Iterable[Ring]) -> tuple[Ring, ...]:
    """Rings of windows that overlap or follow each other as one, the most conspicuous first."""
    found: list[Ring] = []
    for ring in sorted(rings, key=lambda one: one.since):
        if found and ring.since <= found[-1].until:
            found[-1] = _both(found[-1], ring)
        else:
            found.append(ring)
    return tuple(sorted(found, key=lambda one: -one.strength))


def _both(first: Ring, second: Ring) -> Ring:
    named = _united(first.named, second.named)
    names = {member.account for member in named}
    likely = tuple(member for member in _united(first.likely, second.likely) if member.account not in names)
    signs: dict[str, Sign] = {}
    for sign in sorted((*first.signs, *second.signs), key=lambda one: -strength(one)):
        signs.setdefault(sign.test, sign)  # of each test where it is the strongest
    return Ring(min(first.since, second.since), max(first.until, second.until), tuple(signs.values()), named, likely)


def _united(first: Sequence[Member], second: Sequence[Member]) -> tuple[Member, ...]:
    by_name = {member.account: member for member in (*second, *first)}
    return tuple(by_name.values())


def _member(suspect: Suspect) -> Member:
    return Member(suspect.account, suspect.rows, suspect.reason)


def _traits(job: RingJob, names: frozenset[str]) -> dict[str, Traits]:
    found: dict[str, Traits] = {}
    for part in range(job.parts):
        known = traits_of(seen(job.folder, part, job.memory_mb))
        found.update({name: traits for name, traits in known.items() if name in names})
    return found
