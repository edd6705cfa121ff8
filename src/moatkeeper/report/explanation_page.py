"""An explanation as one page: the evidence against the rows asked, and each sign beside honest accounts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from moatkeeper.report.attack_style import STYLE
from moatkeeper.report.explanation import AtModel, Explanation, Sign
from moatkeeper.report.explanation_text import DECADES, example_line, rarity

WIDTH, BAR_HEIGHT, GAP, NAMES = 760, 22, 8, 220
HEIGHT, LEFT, BOTTOM, TOP = 260, 58, 40, 16
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
THRESHOLDS = (20.0, 100.0, 1_000.0)
"""Evidence at which, unless configured otherwise, an account is watched, restricted, and its suspension proposed."""


def as_page(explanation: Explanation) -> str:
    """The whole page, self-contained: it loads nothing and runs no script."""
    body = "\n".join(_sections(explanation))
    title = escape(f"Why {explanation.account} is {explanation.standing.value}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n"
        "</main>\n</body>\n</html>\n"
    )


def _sections(explanation: Explanation) -> Iterator[str]:
    yield f'<p class="lead">Evidence {explanation.evidence:,.1f}.'
    if explanation.evidence > 1:
        yield f"Of honest accounts at most one in {explanation.evidence:,.0f} ever gets as far."
    yield "</p>"
    yield _list(explanation.pending)
    for one in explanation.models:
        yield f"<h2>Model {escape(one.model) or 'without a name'}: {one.rows:,} rows</h2>"
        if one.looks:
            yield f"<figure>{_evidence(one)}</figure>"
            yield '<p class="small">Evidence after so many rows; dashed: where, by default, an account is watched, restricted, '
            yield "and its suspension proposed.</p>"
        if one.signs:
            yield f"<h3>After {one.strangest:,} rows, beside {one.honest_accounts:,} honest accounts with as many</h3>"
            yield f"<figure>{_bars(one.signs)}</figure>"
            yield _list([f"{sign.detector}: {rarity(sign)}{'. ' + sign.words if sign.words else ''}" for sign in one.signs])
        elif one.looks:
            yield "<p>The calibration that these looks were taken with is not there: the signs cannot be compared.</p>"
    if explanation.history:
        yield "<h2>Changes of its standing</h2>" + _list(explanation.history)
    if explanation.examples:
        yield "<h2>Its last exchanges</h2>" + _list([example_line(one) for one in explanation.examples])


def _list(lines: tuple[str, ...] | list[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _bars(signs: tuple[Sign, ...]) -> str:
    """One bar a detector, longer for rarer; the scale is powers of ten."""
    parts = []
    for place, sign in enumerate(signs):
        y = place * (BAR_HEIGHT + GAP)
        length = min(1.0, math.log10(max(sign.one_in, 1.0)) / DECADES) * (WIDTH - NAMES - 110)
        parts.append(
            f'<text class="tick end" x="{NAMES - 8}" y="{y + 15}">{escape(sign.detector)}</text>'
            f'<rect class="band c0" style="opacity:0.8" x="{NAMES}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}"/>'
            f'<text class="tick" x="{NAMES + length + 8:.1f}" y="{y + 15}">1 in {sign.one_in:,.0f}</text>'
        )
    height = max(1, len(signs)) * (BAR_HEIGHT + GAP)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Signs by rarity">{"".join(parts)}</svg>'


def _evidence(one: AtModel) -> str:
    """A line of the evidence, both axes by logarithm."""
    first, last = math.log2(one.looks[0].rows) - 0.5, math.log2(one.looks[-1].rows) + 0.5
    most = math.log10(max(THRESHOLDS[-1], *(look.evidence for look in one.looks))) + 0.2

    def x(rows: float) -> float:
        return LEFT + (math.log2(rows) - first) / (last - first) * (WIDTH - LEFT - 20)

    def y(evidence: float) -> float:
        return TOP + (1 - min(1.0, math.log10(max(evidence, 0.0) + 1) / most)) * (HEIGHT - TOP - BOTTOM)

    points = " ".join(f"{x(look.rows):.1f},{y(look.evidence):.1f}" for look in one.looks)
    parts = [
        f'<line class="guide" x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>'
        f'<text class="tick end" x="{LEFT - 6}" y="{y(level) + 4:.1f}">{level:,.0f}</text>'
        for level in THRESHOLDS
    ]
    parts.append(f'<polyline class="line c0" points="{points}"/>')
    parts += [
        f'<circle class="mark c0" cx="{x(look.rows):.1f}" cy="{y(look.evidence):.1f}" r="4"/>'
        f'<text class="tick middle" x="{x(look.rows):.1f}" y="{HEIGHT - 18}">{look.rows:,}</text>'
        for look in one.looks
    ]
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Evidence by rows">{"".join(parts)}</svg>'
