"""Rings: campaigns of many accounts, none of which need be strange by itself. All tests for them, put together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.attribution import Attribution, Group, attribute
from moatkeeper.patterns.berk_jones import Alarm, alarms, cut
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.history import ENOUGH_WINDOWS, History
from moatkeeper.patterns.registry import DETECTORS
from moatkeeper.patterns.rings_report import Budget, RingReport, Rule, Sign, Suspect
from moatkeeper.patterns.traits import Traits
from moatkeeper.patterns.window import Window

NO_TRAITS: Mapping[str, Traits] = {}
DEFAULT_BUDGET = Budget()


def look_for_rings(
    calibration: Calibration, window: Window, traits: Mapping[str, Traits] = NO_TRAITS, budget: Budget = DEFAULT_BUDGET
) -> RingReport:
    """What one window holds, compared with the calibration's history of honest accounts.

    The window must be as long as the history's (``calibration.history.window_s``); ``windows_of`` makes such windows of a log.
    ``traits`` are by account; accounts without any are only compared by their rows. Raises CalibrationError without a history.
    """
    history = calibration.history
    if history is None:
        raise CalibrationError(
            "found a calibration without a history of windows, expected one that rings can be compared with",
            hint="write it again with `moatkeeper calibrate`",
        )
    p_values = history.p_values(window.keys, window.rows, window.readings)
    known = np.asarray(~np.isnan(p_values).any(axis=1))
    found = alarms(history.statistics, p_values, window.rows, history.size_at(window.rows))
    limit = cut(history.past)
    signs = tuple(_sign(alarm, limit) for alarm in sorted(found, key=lambda one: -one.z) if alarm.z > limit)
    refused = _refusals(history, window, known)
    if not signs:
        return RingReport(len(window), (), (), (), _promises(budget), refused)
    ranked = window.take(known)
    past = np.isin(history.rows, history.checkpoints)
    judged = attribute(
        Group(ranked.keys, ranked.rows, ranked.readings),
        Group(history.keys[past], history.rows[past], history.readings[past]),
        budget.ratio,
    )
    silent, named = _listed(ranked, judged, ~judged.named & judged.silent), _listed(ranked, judged, judged.named)
    bands = tuple(
        f"accounts with {band.low} to {band.high} rows and more are not named by the ratio: {band.past} past accounts, too few"
        for band in judged.bands
        if not band.guaranteed
    )
    return RingReport(len(window), signs, silent, named, _promises(budget), refused + bands)


def _sign(alarm: Alarm, limit: float) -> Sign:
    meaning = DETECTORS[alarm.statistic].meaning if alarm.statistic in DETECTORS else "is conspicuous"
    words = (
        f"too many accounts of which one would say: {meaning}; at least {alarm.share:.0%} of {alarm.accounts} accounts "
        f"({alarm.share * alarm.accounts:.0f}), {alarm.z:.1f} standard deviations where {limit:.1f} are allowed"
    )
    return Sign(f"excess of {alarm.statistic}", alarm.z, limit, alarm.share, words)


def _listed(window: Window, judged: Attribution, chosen: npt.NDArray[np.bool_]) -> tuple[Suspect, ...]:
    order = np.flatnonzero(chosen)[np.argsort(judged.p_values[chosen], kind="stable")]
    return tuple(
        Suspect(
            window.names[place],
            Rule.RATIO,
            int(window.rows[place]),
            float(judged.p_values[place]),
            f"is like what is new in this window; {judged.p_values[place]:.2g} of past accounts are as much",
        )
        for place in order.tolist()
    )


def _promises(budget: Budget) -> tuple[str, ...]:
    return (
        f"named: of honest accounts like past ones at most {budget.total:.2%} on average",
        "silent: about nine in ten belong to a ring while it is there; no promise to a single honest account",
    )


def _refusals(history: History, window: Window, known: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    found = []
    if len(history.past) < ENOUGH_WINDOWS:
        found.append(f"{len(history.past)} past windows, wanted {ENOUGH_WINDOWS}: a sign of a ring is less certain")
    if not known.all():
        found.append(
            f"{np.count_nonzero(~known)} of {len(window)} accounts have a number of rows that too few past accounts had"
        )
    return tuple(found)
