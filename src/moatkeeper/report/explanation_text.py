"""An explanation for a terminal: sentences, tables, and bars of how rare each sign is among honest accounts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from moatkeeper.report.explanation import AtModel, Explanation, Sign

BAR = 30
"""Characters of the longest bar."""
DECADES = 4.0
"""Powers of ten that fill a bar: one honest account in ten thousand."""
EXAMPLE = 100
"""Characters of an example."""


def text(explanation: Explanation) -> str:
    """The explanation, a paragraph a model."""
    return "\n".join(_lines(explanation))


def _lines(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.account}: {explanation.standing.value}, evidence {explanation.evidence:,.1f}"
    yield from explanation.pending
    if explanation.evidence > 1:
        yield f"Of honest accounts at most one in {explanation.evidence:,.0f} ever gets as far, however often one looks."
    if not explanation.models:
        yield "Detectors have seen nothing of this account."
    for one in explanation.models:
        yield ""
        yield from _model(one)
    if explanation.history:
        yield ""
        yield "Changes of its standing:"
        yield from (f"  {line}" for line in explanation.history)
    if explanation.examples:
        yield ""
        yield "Its last exchanges, newest first:"
        yield from (f"  {example_line(one)}" for one in explanation.examples)


def _model(one: AtModel) -> Iterator[str]:
    yield f"Model {one.model or 'without a name'}: {one.rows:,} rows, evidence {one.evidence:,.1f}"
    if not one.looks:
        yield "  Too few rows for a look; the first is taken at the fourth."
        return
    yield "  rows     p-value  evidence   (rarer looks have longer bars)"
    for look in one.looks:
        yield f"  {look.rows:<7,}  {look.p_value:<7.4f}  {look.evidence:<9,.1f}  {bar(1 / look.p_value)}".rstrip()
    if not one.comparable:
        yield "  The calibration that these looks were taken with is not there: the signs cannot be compared."
        return
    yield f"  The strangest look, after {one.strangest:,} rows, beside {one.honest_accounts:,} honest accounts with as many:"
    width = max((len(sign.detector) for sign in one.signs), default=0)
    for sign in one.signs:
        yield f"  {sign.detector:<{width}}  {bar(sign.one_in):<{BAR}}  {rarity(sign)}"
        if sign.words:
            yield f"  {'':<{width}}  now: {sign.words}"


def rarity(sign: Sign) -> str:
    """How a sign compares, in words."""
    if sign.one_in < 2:
        return f"as most honest accounts ({sign.reading:.3g}, their middle {sign.honest_middle:.3g})"
    return (
        f"one honest account in {sign.one_in:,.0f} reads as much ({sign.reading:.3g}, their middle {sign.honest_middle:.3g}, "
        f"nineteen of twenty below {sign.honest_edge:.3g})"
    )


def bar(one_in: float) -> str:
    """A bar that grows with the logarithm."""
    share = min(1.0, math.log10(max(one_in, 1.0)) / DECADES)
    return "#" * round(BAR * share)


def example_line(example: Mapping[str, object]) -> str:
    """A logged exchange on one line: when, what was asked, what the model said."""
    at, inputs, outputs = example.get("at"), example.get("inputs"), example.get("outputs")
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if isinstance(at, int | float) else "?"
    asked = inputs.get("values") if isinstance(inputs, Mapping) else None
    said = [one.get("values") for one in outputs if isinstance(one, Mapping)] if isinstance(outputs, list) else []
    return f"{when}  {_short(asked)} -> {_short(said[0] if said else None)}"


def _short(value: object) -> str:
    told = str(value)
    return told if len(told) <= EXAMPLE else told[:EXAMPLE] + "..."
