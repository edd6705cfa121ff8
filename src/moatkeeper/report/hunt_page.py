"""A hunt's findings as one page for people: rings first, then accounts with reasons, then what could not be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from math import isfinite

from moatkeeper import __version__
from moatkeeper.hunt.findings import HuntFindings, Member, ModelFindings, Ring
from moatkeeper.patterns.finding import Finding
from moatkeeper.report.attack_style import STYLE

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_LISTED = 50  # members of a ring that the page names; --json has all
_LEFT = "th, td { text-align: left; }"
_MINUTES = "%Y-%m-%d %H:%M UTC"


def as_page(findings: HuntFindings) -> str:
    """The whole page, self-contained: it loads nothing, runs no script, and shows the same offline."""
    body = "\n".join(_sections(findings))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(headline(findings))}</title>\n<style>{STYLE}{_LEFT}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def headline(findings: HuntFindings) -> str:
    """What was found, in one sentence."""
    rings = sum(len(model.rings) for model in findings.models)
    named = sum(len(model.named) for model in findings.models)
    if not findings.found:
        return "Nobody stands out beyond the stated rate."
    parts = [f"{rings} ring{'s' * (rings != 1)}"] * bool(rings) + [f"{named} account{'s' * (named != 1)}"] * bool(named)
    return f"{' and '.join(parts)} stand{'s' * (rings + named == 1)} out."


def moment(at: float) -> str:
    """A time to the minute."""
    return datetime.fromtimestamp(at, UTC).strftime(_MINUTES)


def _sections(findings: HuntFindings) -> Iterator[str]:
    source = ", ".join(findings.sources)
    yield f'<p class="kicker">{escape(f"Moatkeeper {__version__} · hunt in {source}")}</p>'
    yield f"<h1>{escape(headline(findings))}</h1>"
    yield (
        f'<p class="lead">{findings.exchanges:,} exchanges with {findings.rows:,} rows. An honest account is named with a'
        f" chance of at most {findings.alpha:g}, however long it is looked at.</p>"
    )
    for model in findings.models:
        yield f"<h2>{escape(model.model or 'the model')}</h2>"
        yield (
            f"<p>{model.looked_at:,} of {model.accounts:,} accounts were compared with {escape(model.basis.value)};"
            f" {model.rows:,} rows.</p>"
        )
        yield from (_ring(ring) for ring in model.rings)
        yield from _accounts(model)
        yield from _list(model.notes)
    yield "<h2>How the logs were read</h2>"
    yield from _list(findings.notes)


def _ring(ring: Ring) -> str:
    share = f", at least {ring.share:.0%} of the accounts" if isfinite(ring.share) else ""
    head = f"<h3>A ring, {moment(ring.since)} to {moment(ring.until)}{share}</h3>"
    signs = "".join(f"<li>{escape(sign.words)}</li>" for sign in ring.signs)
    tables = _members("Named: under the promise on honest accounts", ring.named)
    return f"{head}<ul>{signs}</ul>{tables}{_members('Likely, without a promise: for silent measures only', ring.likely)}"


def _members(caption: str, members: Sequence[Member]) -> str:
    if not members:
        return ""
    rows = [[member.account, f"{member.rows:,}", member.reason] for member in members[:_LISTED]]
    more = f" ({len(members):,}; the first {_LISTED})" if len(members) > _LISTED else f" ({len(members):,})"
    return _table(["account", "rows", "why"], rows, caption + more)


def _accounts(model: ModelFindings) -> Iterator[str]:
    if model.named:
        yield _table(["account", "rows", "evidence", "why"], [_account(one) for one in model.named], "Accounts that stand out")
    if model.ranked:
        caption = "The next strangest, not accused"
        yield _table(["account", "rows", "evidence", "why"], [_account(one) for one in model.ranked], caption)


def _account(finding: Finding) -> list[str]:
    return [finding.account, f"{finding.rows:,}", f"{finding.evidence:,.3g}", reasons(finding)]


def reasons(finding: Finding) -> str:
    """What the detectors say of an account, in words."""
    return "; ".join(f"{signal.reading.detector}: {signal.reading.reason}" for signal in finding.signals) or "nothing by itself"


def _list(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
