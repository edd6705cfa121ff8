"""An attack's findings as a table for the terminal: what each budget bought, and what a copy costs."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from moatkeeper.cli.output import table
from moatkeeper.redteam.curve import Curve, Interval
from moatkeeper.redteam.findings import Findings, Price, Rung, prices_of, rungs_of

WIDTH = 100
_COLUMNS = {
    "near boundary": "fidelity_near",
    "uniform": "fidelity_uniform",
    "accuracy": "accuracy",
    "distance": "total_variation",
}
"""Figures beside the fidelity, where the judge gives them."""


def as_text(findings: Findings) -> str:
    """The whole text."""
    parts = [_title(findings)]
    for curve in findings.curves:
        parts += [_heading(findings, curve), _rungs(curve), *_transfer(curve), "PRICE OF A COPY", _prices(curve)]
    parts += list(_without_api(findings))
    if findings.ended:
        parts.append(fill(f"ENDED before its end: {findings.ended}.", WIDTH))
    if findings.interrupted:
        parts.append("INTERRUPTED: these are the scores up to then.")
    parts.append("NOT MEASURED\n" + "\n".join(fill(f"- {text}", WIDTH, subsequent_indent="  ") for text in findings.unmeasured))
    return "\n\n".join(part for part in parts if part)


def percent(value: Interval | None, digits: int = 1) -> str:
    """A share with its interval, in percent."""
    if value is None:
        return "-"
    mean = f"{100 * value.mean:.{digits}f}"
    return mean if value.seeds == 1 else f"{mean} [{100 * value.low:.{digits}f}, {100 * value.high:.{digits}f}]"


def amount(value: Interval | None, digits: int = 0) -> str:
    """A number with its interval where there is one."""
    if value is None:
        return "-"
    mean = f"{value.mean:,.{digits}f}"
    return mean if value.low == value.high else f"{mean} [{value.low:,.{digits}f}, {value.high:,.{digits}f}]"


def money(value: Interval | None) -> str:
    """US dollars, in as many places as cents of cents need."""
    if value is None:
        return "-"
    return amount(value, 2 if value.mean >= 1 else 4)


def _title(findings: Findings) -> str:
    means = f"Fidelity: {findings.fidelity_means}, in percent, on {findings.held_out:,} held-out inputs."
    return f"THEFT by {findings.attack} ({findings.source})\n{findings.target}\n\n{fill(means, WIDTH)}"


def _heading(findings: Findings, curve: Curve) -> str:
    return curve.victim.upper() if len(findings.curves) > 1 else ""


def _rungs(curve: Curve) -> str:
    rungs = rungs_of(curve)
    if not rungs:
        return "No budget was judged before the end."
    shown = {title: name for title, name in _COLUMNS.items() if any(rung.figure(name) is not None for rung in rungs)}
    head = ("budget", "queries", "USD", "fidelity", *shown, "seeds", "unanswered")
    return table(head, [_cells(rung, list(shown.values())) for rung in rungs])


def _cells(rung: Rung, names: list[str]) -> tuple[object, ...]:
    figures = [percent(rung.figure(name)) for name in names]
    unanswered = max(score.unanswered for score in rung.scores)
    fidelity = percent(rung.figure(), 2)
    return (rung.budget, amount(rung.queries), money(rung.money), fidelity, *figures, len(rung.scores), unanswered)


def _transfer(curve: Curve) -> Iterator[str]:
    rungs = rungs_of(curve)
    found = rungs[-1].figure("transfer") if rungs else None
    by_chance = rungs[-1].figure("transfer_random") if rungs else None
    if found is not None:
        yield fill(
            f"Adversarial examples made on the copy, offline, fool the victim in {percent(found)} of cases; random changes of"
            f" the same size in {percent(by_chance)}.",
            WIDTH,
        )


def _prices(curve: Curve) -> str:
    head = ("fidelity", "reached by", "queries", "USD", "days", "accounts")
    return table(head, [_price(price) for price in prices_of(curve)])


def _price(price: Price) -> tuple[object, ...]:
    told = (amount(price.queries), money(price.money), amount(price.days, 3), amount(price.accounts))
    return (f"{price.level:.0%}", f"{price.reached} of {price.seeds}", *told)


def _without_api(findings: Findings) -> Iterator[str]:
    if findings.baselines:
        told = "; ".join(f"{100 * fidelity:.1f} by {what}" for what, fidelity in findings.baselines.items())
        yield fill(f"Without any API: {told}. Only what exceeds this was stolen.", WIDTH)
