"""Rings: campaigns of many accounts, none of which need be strange by itself. All tests for them, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.attribution import Attribution, Group, attribute
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.berk_jones import Alarm, alarms, cut
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.cells import CellHistory, Flagged, cells_of, inside_of, named_below
from moatkeeper.patterns.history import ENOUGH_WINDOWS, History
from moatkeeper.patterns.links import NETWORK, groups_of, read
from moatkeeper.patterns.normal import normal_scores
from moatkeeper.patterns.past_traits import PastTraits
from moatkeeper.patterns.registry import DETECTORS
from moatkeeper.patterns.rings_report import Budget, RingReport, Rule, Sign, Suspect
from moatkeeper.patterns.shared_cells import SharedHistory
from moatkeeper.patterns.traits import NOTHING_KNOWN, Traits
from moatkeeper.patterns.window import Window

T = TypeVar("T", bound=np.generic)

NO_TRAITS: Mapping[str, Traits] = {}
DEFAULT_BUDGET = Budget()
OWN_ROWS = 0.05
"""The p-value of its own rows at which an account of a conspicuous component or group is put on a list."""
MILD = 0.25
"""The same for the silent list, in a component of accounts that meet where no honest customer ever was."""
_NOBODY = 2.0  # a p-value that no account has


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """What one rule says of the n accounts of a window; ``reasons`` may be empty where no list holds the account."""

    rule: Rule
    p_values: FloatArray
    named: npt.NDArray[np.bool_]
    silent: npt.NDArray[np.bool_]
    reasons: Mapping[int, str]


def look_for_rings(
    calibration: Calibration,
    window: Window,
    traits: Mapping[str, Traits] = NO_TRAITS,
    budget: Budget = DEFAULT_BUDGET,
    past: PastTraits | None = None,
) -> RingReport:
    """What one window holds, compared with the calibration's history of honest accounts.

    The window must be as long as the history's (``calibration.history.window_s``); ``windows_of`` makes such windows of a log.
    Accounts that vary rows of their own, as customers do who edit a template, are never named here, at most on the silent list:
    what one account searches by itself is that account's own evidence.
    ``traits`` are by account, and are looked at if ``past`` says what honest accounts have in common. Raises CalibrationError
    for a calibration without a history.
    """
    history = calibration.history
    if history is None:
        raise CalibrationError(
            "found a calibration without a history of windows, expected one that rings can be compared with",
            hint="write it again with `moatkeeper calibrate`",
        )
    window = replace(window, readings=history.of_detectors(calibration.profile.detectors, window.readings))
    p_values = history.p_values(window.keys, window.rows, window.readings)
    known = np.asarray(~np.isnan(p_values).any(axis=1))
    refused = _refusals(history, window, known)
    signs = _global_signs(history, p_values, window.rows)
    rates = budget.among(history.tested)
    of_window = [traits.get(name, NOTHING_KNOWN) for name in window.names]
    flagged = _flagged(past, of_window, p_values, history)
    signs += [_cell_sign(one, len(window)) for one in flagged]
    verdicts = []
    component = _component(history.shared, window)
    if component.any():
        signs.append(_component_sign(component, history.shared))
    if signs:
        judged = _attributed(history, window, known, rates.ratio)
        refused += _unguaranteed(judged)
        verdicts.append(_by_ratio(judged, known, window.edits))
        verdicts.append(
            _by_component(component, judged, known, min(OWN_ROWS, rates.shared_cells / history.shared.share), window.edits)
        )
        if flagged:
            verdicts.append(_by_cells(judged, known, flagged, rates.traits, window.edits))
    if past is not None and traits:
        by_links, refusal = _by_links(calibration, history, past, window, of_window, rates.links)
        verdicts.append(by_links)
        refused += refusal
    return RingReport(
        len(window),
        tuple(sorted(signs, key=lambda one: -one.z / one.cut)),
        _listed(window, verdicts, named=False),
        _listed(window, verdicts, named=True),
        _promises(budget, history),
        tuple(refused),
    )


def _global_signs(history: History, p_values: FloatArray, rows: IntArray) -> list[Sign]:
    limit = cut(history.past)
    found = alarms(history.statistics, p_values, rows, history.size_at(rows))
    return [_alarm_sign(alarm, limit) for alarm in found if alarm.z > limit]


def _alarm_sign(alarm: Alarm, limit: float) -> Sign:
    meaning = DETECTORS[alarm.statistic].meaning if alarm.statistic in DETECTORS else "is conspicuous"
    words = (
        f"too many accounts of which each a little {meaning}: at least {alarm.share:.0%} of {alarm.accounts} accounts "
        f"({alarm.share * alarm.accounts:.0f}), {alarm.z:.1f} standard deviations where {limit:.1f} are allowed"
    )
    return Sign(f"excess of {alarm.statistic}", alarm.z, limit, alarm.share, words)


def _attributed(history: History, window: Window, known: npt.NDArray[np.bool_], budget: float) -> Attribution:
    past = np.isin(history.rows, history.checkpoints)
    return attribute(
        Group(window.keys[known], window.rows[known], window.readings[known]),
        Group(history.keys[past], history.rows[past], history.readings[past]),
        budget,
    )


def _by_ratio(judged: Attribution, known: npt.NDArray[np.bool_], edits: npt.NDArray[np.bool_]) -> _Verdicts:
    p_values = _spread(judged.p_values, known, _NOBODY)
    named, silent = _spread(judged.named, known, False) & ~edits, _spread(judged.silent, known, False)
    reasons = {
        place: f"like what is new in this window; {p_values[place]:.2g} of past accounts are as much so"
        for place in np.flatnonzero(silent | named).tolist()
    }
    return _Verdicts(Rule.RATIO, p_values, named, silent, reasons)


def _component(shared: SharedHistory, window: Window) -> npt.NDArray[np.bool_]:
    return shared.conspicuous(window.buckets, window.owners, len(window))


def _component_sign(component: npt.NDArray[np.bool_], shared: SharedHistory) -> Sign:
    count = int(np.count_nonzero(component))
    words = (
        f"{count} accounts meet where no honest customer ever was: their rows are near-duplicates of each other; before, "
        f"at most {int(shared.meeting.max(initial=0))} did so, and at most {int(shared.largest.max(initial=0))} hung together"
    )
    return Sign("shared cells", float(count), float(shared.cut), count / len(component), words)


def _by_component(
    component: npt.NDArray[np.bool_],
    judged: Attribution,
    known: npt.NDArray[np.bool_],
    level: float,
    edits: npt.NDArray[np.bool_],
) -> _Verdicts:
    p_values = np.where(component, _spread(judged.p_values, known, _NOBODY), _NOBODY)
    silent = p_values <= MILD
    reasons = {
        place: f"meets others where no honest customer ever was; {p_values[place]:.2g} of past accounts are as like the ring"
        for place in np.flatnonzero(silent).tolist()
    }
    return _Verdicts(Rule.SHARED_CELLS, p_values, (p_values <= level) & ~edits, silent, reasons)


def _flagged(past: PastTraits | None, traits: list[Traits], p_values: FloatArray, history: History) -> tuple[Flagged, ...]:
    if past is None:
        return ()
    cells: CellHistory = past.cells
    return cells.flagged(cells_of(traits), normal_scores(p_values), history.statistics)


def _cell_sign(one: Flagged, accounts: int) -> Sign:
    meaning = DETECTORS[one.statistic].meaning if one.statistic in DETECTORS else "is conspicuous"
    words = (
        f"the {len(one.accounts)} accounts with the {one.kind} {one.value} differ from the rest of the window, more than any "
        f"did in the past: each a little {meaning}; honest accounts have it, too, and nobody is accused for it"
    )
    return Sign(f"trait {one.kind}", one.z, one.cut, len(one.accounts) / max(accounts, 1), words)


def _by_cells(
    judged: Attribution,
    known: npt.NDArray[np.bool_],
    flagged: tuple[Flagged, ...],
    budget: float,
    edits: npt.NDArray[np.bool_],
) -> _Verdicts:
    level = named_below(flagged, budget)
    p_values = np.where(inside_of(flagged, len(known)), _spread(judged.p_values, known, _NOBODY), _NOBODY)
    guaranteed = np.array([band.guaranteed for band in judged.bands], dtype=bool)[judged.band]
    silent = p_values <= OWN_ROWS
    named = (p_values <= level) & _spread(guaranteed, known, False) & ~edits
    where = ", ".join(f"{one.kind} {one.value}" for one in flagged[:3])
    reasons = {
        place: f"shares a conspicuous trait ({where}) and is like what is new; {p_values[place]:.2g} of past accounts are"
        for place in np.flatnonzero(silent | named).tolist()
    }
    return _Verdicts(Rule.TRAITS, p_values, named, silent, reasons)


def _by_links(
    calibration: Calibration, history: History, past: PastTraits, window: Window, traits: list[Traits], budget: float
) -> tuple[_Verdicts, tuple[str, ...]]:
    groups = groups_of(traits)
    found = read(history, calibration.profile, window, groups)
    of_groups = past.links.p_values(found.strange)
    p_values, weak = np.full(len(window), _NOBODY), np.zeros(len(window), dtype=bool)
    reasons = {}
    for number, members in enumerate(groups.members):
        # An honest account behind the same address as a ring (a VPN, a carrier, an office) would be named with it.
        weak[members] = groups.ties[number].startswith(NETWORK)
        if np.isnan(of_groups[number]):
            continue
        p_values[members] = of_groups[number]
        words = (
            f"one of {len(members)} accounts with the same {groups.ties[number]}, whose {found.rows[number]} rows taken as one "
            f"account's are stranger than those of all but {of_groups[number]:.2g} of past groups"
        )
        reasons.update(dict.fromkeys(members.tolist(), words))
    enough = past.links.enough(budget)
    named = (p_values <= past.links.level(budget)) & enough & ~window.edits & ~weak
    silent = p_values <= OWN_ROWS / max(len(groups.members), 1)
    refused = () if enough else (f"{len(past.links.strange)} past groups of linked accounts, too few to name one",)
    return _Verdicts(Rule.LINKS, p_values, named, silent, reasons), refused


def _listed(window: Window, verdicts: list[_Verdicts], *, named: bool) -> tuple[Suspect, ...]:
    """The accounts of a list, each with the rule that speaks plainest; whoever is named is not on the silent list as well."""
    any_named = np.zeros(len(window), dtype=bool)
    for one in verdicts:
        any_named |= one.named
    found: dict[int, Suspect] = {}
    for one in verdicts:
        chosen = one.named if named else one.silent & ~any_named
        for place in np.flatnonzero(chosen).tolist():
            p_value = float(one.p_values[place])
            if place not in found or p_value < found[place].p_value:
                reason = one.reasons.get(place, "")
                found[place] = Suspect(window.names[place], one.rule, int(window.rows[place]), p_value, reason)
    return tuple(sorted(found.values(), key=lambda suspect: (suspect.p_value, suspect.account)))


def _spread(values: npt.NDArray[T], known: npt.NDArray[np.bool_], other: float | bool) -> npt.NDArray[T]:
    """Values of the known accounts among all, the others with a value of their own."""
    found = np.full(len(known), other, dtype=values.dtype)
    found[known] = values
    return found


def _promises(budget: Budget, history: History) -> tuple[str, ...]:
    return (
        f"named: on average at most {budget.total:.2%} of a window's honest accounts, if they are like past ones; "
        f"{budget.among(history.tested).total:.2%} of those with enough rows to be looked at",
        "silent: about nine in ten belong to a ring while it is there; no promise to a single honest account",
    )


def _unguaranteed(judged: Attribution) -> list[str]:
    return [
        f"accounts with {band.low} rows and more, up to checkpoint {band.high}, are not named by their own rows alone: "
        f"only {band.past} past accounts"
        for band in judged.bands
        if not band.guaranteed
    ]


def _refusals(history: History, window: Window, known: npt.NDArray[np.bool_]) -> list[str]:
    found = []
    if len(history.past) < ENOUGH_WINDOWS:
        found.append(f"{len(history.past)} past windows, wanted {ENOUGH_WINDOWS}: a sign of a ring is less certain")
    if not known.all():
        found.append(
            f"{np.count_nonzero(~known)} of {len(window)} accounts have a number of rows that too few past accounts had"
        )
    return found
