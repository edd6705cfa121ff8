"""An attack's findings as one page for people: the price of a copy in a sentence, the pictures, the tables, and the limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from moatkeeper import __version__
from moatkeeper.redteam.curve import Curve, Interval
from moatkeeper.redteam.findings import Findings, Price, Rung, best, prices_of, rungs_of
from moatkeeper.report.attack_plot import Line, Point, legend, plot
from moatkeeper.report.attack_style import STYLE

_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3_600.0, 86_400.0
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_FIGURES = {
    "fidelity_near": "near the boundary",
    "fidelity_uniform": "uniform inputs",
    "accuracy": "accuracy",
    "total_variation": "distance",
    "cosine": "cosine",
    "exact": "same text",
    "relative_error": "relative error",
    "transfer": "adversarial examples that fool the victim",
}
"""Figures that the detailed tables show, in the words of the page."""
_SHARES = frozenset({"fidelity_near", "fidelity_uniform", "accuracy", "exact", "transfer"})


def as_page(findings: Findings) -> str:
    """The whole page, self-contained: it loads nothing, runs no script, and shows the same offline."""
    body = "\n".join(part for part in _sections(findings) if part)
    title = escape(f"The price of a copy: {findings.target}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def headline(findings: Findings) -> str:
    """The price of a copy in one sentence, for the first curve: the highest level that every seed reached."""
    if not findings.curves:
        return "The attack ended before any copy could be judged."
    curve = findings.curves[0]
    reached = [price for price in prices_of(curve) if price.reached == price.seeds]
    if reached:
        price = reached[-1]
        return (
            f"A copy with {price.level:.0%} fidelity cost {_number(price.queries)} queries and {_usd(price.money)}"
            f"{_in(price)}{_defended(curve, findings)}."
        )
    highest = best(curve)
    partly = [price for price in prices_of(curve) if price.reached]
    told = "" if highest is None else f"; the best had {highest.mean:.1%}"
    if partly:
        return (
            f"{partly[0].reached} of {partly[0].seeds} thieves got a copy with {partly[0].level:.0%} fidelity{told} on average."
        )
    return f"No copy reached 80% fidelity within the budget{told}."


def _sections(findings: Findings) -> Iterator[str]:
    what = f"Moatkeeper {__version__} · theft by {findings.attack} of {findings.target}"
    yield f'<p class="kicker">{escape(what)}</p>'
    yield f"<h1>{escape(headline(findings))}</h1>"
    if findings.interrupted:
        yield '<p class="warning">The run was interrupted: these are the scores up to then.</p>'
    if findings.ended:
        yield f'<p class="warning">The run ended before its end: {escape(findings.ended)}.</p>'
    means = f"Fidelity is the {findings.fidelity_means} ({findings.held_out:,} inputs that no thief had)."
    yield f'<p class="lead">{escape(means)}</p>'
    yield from _others(findings)
    yield _without_api(findings)
    yield from _plots(findings)
    if findings.curves:
        yield "<h2>Price of a copy</h2>" + _price_table(findings)
        yield "<h2>What each budget bought</h2>"
    for curve in findings.curves:
        yield _rung_table(curve, named=len(findings.curves) > 1)
    yield _limits(findings)


def _others(findings: Findings) -> Iterator[str]:
    if len(findings.curves) < 2:
        return
    rows = []
    for curve in findings.curves:
        highest, rungs = best(curve), rungs_of(curve)
        if highest is not None:
            rows.append(f"<li><b>{escape(curve.victim)}</b>: {_share(highest)} after {rungs[-1].budget:,} questions</li>")
    yield f"<ul>{''.join(rows)}</ul>"


def _without_api(findings: Findings) -> str:
    if not findings.baselines:
        return ""
    told = "; ".join(f"{level:.1%} by {escape(name)}" for name, level in findings.baselines.items())
    return f"<p>Without any API a thief has {told}. Only what exceeds this was stolen.</p>"


def _plots(findings: Findings) -> Iterator[str]:
    by_queries = [Line(curve.victim, tuple(_points(curve, money=False))) for curve in findings.curves]
    by_money = [Line(curve.victim, tuple(_points(curve, money=True))) for curve in findings.curves]
    keys = legend([curve.victim for curve in findings.curves])
    note = "Bands: 95 % bootstrap interval over seeds."
    drawn = (
        ("Fidelity against questions", plot(by_queries, findings.baselines, "questions answered", lambda x: f"{x:,.0f}")),
        ("Fidelity against money", plot(by_money, findings.baselines, "US dollars paid", lambda x: f"{x:,.10g}")),
    )
    for title, svg in drawn:
        if svg:
            yield f'<h2>{title}</h2><figure>{svg}{keys}<figcaption class="small">{note}</figcaption></figure>'


def _points(curve: Curve, *, money: bool) -> Iterator[Point]:
    for rung in rungs_of(curve):
        fidelity = rung.figure()
        if fidelity is not None:
            x = rung.money.mean if money else rung.queries.mean
            yield Point(x, fidelity.mean, fidelity.low, fidelity.high)


def _price_table(findings: Findings) -> str:
    rows = []
    for curve in findings.curves:
        for price in prices_of(curve):
            cells = [f"{price.level:.0%}", f"{price.reached} of {price.seeds}"]
            cells += [_number(price.queries), _usd(price.money), _time(price.days), _number(price.accounts)]
            rows.append([curve.victim, *cells] if len(findings.curves) > 1 else cells)
    head = ["fidelity", "thieves who got it", "queries", "money", "time", "accounts"]
    caption = "Means over the thieves who got there, with intervals. An upper bound: the price lies between two budgets."
    return _table([*(["victim"] if len(findings.curves) > 1 else []), *head], rows, caption)


def _rung_table(curve: Curve, *, named: bool) -> str:
    rungs = rungs_of(curve)
    names = [name for name in _FIGURES if any(rung.figure(name) is not None for rung in rungs)]
    head = ["budget", "answered", "money", "fidelity", *(_FIGURES[name] for name in names)]
    return _table(head, [_rung(rung, names) for rung in rungs], curve.victim if named else "")


def _rung(rung: Rung, names: Sequence[str]) -> list[str]:
    figures = [_figure(name, rung.figure(name)) for name in names]
    return [f"{rung.budget:,}", _number(rung.queries), _usd(rung.money), _share(rung.figure()), *figures]


def _limits(findings: Findings) -> str:
    prices = findings.curves[0].prices if findings.curves else None
    told = list(findings.unmeasured)
    if prices is not None:
        told.append(
            f"Prices are assumptions: {prices.per_row:g} USD a row, {prices.per_token:g} a token, {prices.per_request:g} a"
            f" request, {prices.per_account:g} an account, {prices.per_proxy:g} a proxy."
        )
    items = "".join(f"<li>{escape(text)}</li>" for text in told)
    return f'<h2>Limits of this, and what was not measured</h2><ul>{items}</ul><p class="small">{escape(findings.source)}</p>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{said}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _figure(name: str, value: Interval | None) -> str:
    if name in _SHARES or value is None:
        return _share(value)
    return f"{value.mean:.3f}"


def _share(value: Interval | None) -> str:
    if value is None:
        return "–"
    told = f"{100 * value.mean:.1f} %"
    return told if value.low == value.high else f"{told} [{100 * value.low:.1f}, {100 * value.high:.1f}]"


def _number(value: Interval | None) -> str:
    if value is None:
        return "–"
    return f"{value.mean:,.0f}" if value.low == value.high else f"{value.mean:,.0f} [{value.low:,.0f}, {value.high:,.0f}]"


def _usd(value: Interval | None) -> str:
    if value is None:
        return "–"
    return f"${value.mean:,.2f}" if value.mean >= 1 else f"${value.mean:.4f}"


def _time(days: Interval | None) -> str:
    """A duration in the largest unit that it fills."""
    if days is None:
        return "–"
    seconds = days.mean * _DAY_S
    for unit_s, name in ((_DAY_S, "days"), (_HOUR_S, "hours"), (_MINUTE_S, "minutes")):
        if seconds >= unit_s:
            return f"{seconds / unit_s:.1f} {name}"
    return "under a minute"


def _in(price: Price) -> str:
    return f" and {_time(price.days)}" if price.days is not None and price.days.mean * _DAY_S >= _MINUTE_S else ""


def _defended(curve: Curve, findings: Findings) -> str:
    return f" ({curve.victim})" if len(findings.curves) > 1 or curve.victim != "bare" else ""
