"""The tables of docs/concepts/patterns.md, made from bench/results/patterns.json and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.common import ROOT
from bench.patterns.counting import share

PAGE = ROOT / "docs" / "concepts" / "patterns.md"
Figures = Mapping[str, Any]
Piece = Mapping[str, Any]

NOTHING = "–"
RATES = ("1%", "0.1%")
MANY = 100  # rows up to which there are most honest accounts
BEATEN = 0.1  # by how much more another has to find


def text(figures: Figures) -> str:
    """All tables, one after the other."""
    return "\n\n".join(f"### {name}\n\n{body}" for name, body in _tables(figures).items())


def write(figures: Figures) -> None:
    """Puts the tables between their marks in the page."""
    page = PAGE.read_text()
    begin, end = "<!-- bench.patterns tables: begin -->", "<!-- bench.patterns tables: end -->"
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    PAGE.write_text(f"{head}{begin}\n\n{text(figures)}\n\n{end}{tail}")


def _tables(figures: Figures) -> dict[str, str]:
    """By name; a track without pieces has none."""
    found = {}
    for name, (track, table) in TABLES.items():
        pieces = figures["tracks"].get(track, [])
        body = table(pieces) if pieces else ""
        if body:
            found[name] = body
    return found


def table_of(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |" for row in rows])


def _pooled(found: Iterable[Sequence[int] | None]) -> str:
    """Shares of several seeds and cases as one, with its interval's lower end; NOTHING where none could be measured."""
    known = [one for one in found if one]
    if not known:
        return NOTHING
    whole = share(sum(hits for hits, _ in known), sum(of for _, of in known))
    return f"{whole.share:.2f} ({whole.low:.2f}–{whole.high:.2f})" if whole.of else NOTHING


def _alarms(pieces: Sequence[Piece]) -> str:
    """False alarms on held-out honest accounts, bytes and microseconds."""
    rows = []
    looks = _looks(pieces)
    for name in _contestants(pieces):
        each = [piece["figures"]["honest"][name] for piece in pieces if name in piece["figures"]["honest"]]
        row: list[object] = [name]
        row += [_alarm(one["false_alarms"].get(look, {}).get(rate) for one in each) for look in looks for rate in RATES]
        row.append(f"{np.median([one['bytes_per_account'] for one in each]):,.0f}")
        row.append(f"{np.median([one['us_per_row'] for one in each]):.1f}")
        rows.append(row)
    columns = ("", *(f"{rate} at {look} rows" for look in looks for rate in RATES), "bytes an account", "µs a row")
    return table_of(columns, rows)


def _looks(pieces: Sequence[Piece]) -> list[str]:
    """Of many accounts, and of those with most rows."""
    every = sorted(
        {int(look) for piece in pieces for one in piece["figures"]["honest"].values() for look in one["false_alarms"]}
    )
    many = [look for look in every if look <= MANY]
    return [str(look) for look in dict.fromkeys([*many[-1:], *every[-1:]])]


def _alarm(found: Iterable[Sequence[int] | None]) -> str:
    known = [one for one in found if one]
    if not known:
        return NOTHING
    whole = share(sum(hits for hits, _ in known), sum(of for _, of in known))
    return f"{whole.share:.2%} (at most {whole.high:.2%} of {whole.of:,})"


def _payers(pieces: Sequence[Piece]) -> str:
    """Who pays for false alarms at 1 % and 100 rows, by kind of customer."""
    rows = []
    kinds: list[str] = []
    for name in _contestants(pieces):
        each = [piece["figures"]["honest"][name]["false_alarms_by_kind"].get("100", {}) for piece in pieces]
        kinds = kinds or sorted({kind for one in each for kind in one})
        rows.append([name, *(_alarm(one.get(kind) for one in each) for kind in kinds)])
    return table_of(("", *kinds), rows)


def _detection(cell: str, look: str, rate: str) -> Callable[[Sequence[Piece]], str]:
    """Detection by kind of thief, contestants side by side, over all claims."""

    def table(pieces: Sequence[Piece]) -> str:
        names = _contestants(pieces)
        rows = []
        for attacker in _attackers(pieces):
            each = [
                piece["figures"]["thefts"][attacker][cell]
                for piece in pieces
                if cell in piece["figures"]["thefts"].get(attacker, {})
            ]
            shares = {name: [one[name]["detected"].get(look, {}).get(rate) for one in each if name in one] for name in names}
            if any(found for values in shares.values() for found in values):
                rows.append([attacker, *(_pooled(shares[name]) for name in names)])
        return table_of(("thief", *names), rows) if rows else ""

    return table


def _claims(table: Callable[[Sequence[Piece]], str]) -> Callable[[Sequence[Piece]], str]:
    """Claims and tuning apart, customers who differ and who are alike apart."""

    def each(pieces: Sequence[Piece]) -> str:
        parts = []
        for role, customers in ((role, who) for role in ("claims", "tuning") for who in ("different", "alike")):
            chosen = [
                piece
                for piece in pieces
                if piece["figures"]["role"] == role and piece["figures"].get("customers", "different") == customers
            ]
            body = table(chosen) if chosen else ""
            if body:
                note = " Detectors may have been tuned on these data." if role == "tuning" else ""
                alike = " All customers draw from the same test set." if customers == "alike" else ""
                parts.append(f"{_said(chosen)}.{alike}{note}\n\n{body}")
        return "\n\n".join(parts)

    return each


def _beaten(pieces: Sequence[Piece]) -> str:
    """Every cell in which a baseline finds clearly more than Moatkeeper, and the share that each finds."""
    rows = []
    for piece in pieces:
        for attacker, theft in piece["figures"]["thefts"].items():
            for cell, found in theft.items():
                if isinstance(found, Mapping) and "Moatkeeper" in found:
                    rows += [[" ".join(piece["case"]), attacker, cell, *loss] for loss in _losses(found)]
    columns = ("case", "thief", "traffic", "rows", "rate", "Moatkeeper", "more")
    return table_of(columns, rows) if rows else "No cell."


def _losses(found: Figures) -> list[list[object]]:
    losses: list[list[object]] = []
    for look, own in found["Moatkeeper"]["detected"].items():
        for rate, pair in own.items():
            if not pair:
                continue
            mine = pair[0] / max(1, pair[1])
            others = {
                name: theirs[0] / max(1, theirs[1])
                for name, one in found.items()
                if (theirs := one["detected"].get(look, {}).get(rate))
            }
            more = {name: value for name, value in others.items() if value > mine + BEATEN}
            if more:
                told = ", ".join(f"{name} {value:.2f}" for name, value in sorted(more.items(), key=lambda one: -one[1]))
                losses.append([look, rate, f"{mine:.2f}", told])
    return losses


def _aims(pieces: Sequence[Piece]) -> str:
    """The project's aims on data for claims, with what was measured; a thief counts as found from the aim's share on."""
    chosen = [piece for piece in pieces if piece["figures"]["role"] == "claims"]
    rows = []
    for said, cell, look, least in (
        ("alone, found at 100 rows and 0.1%", "pure", "100", 0.99),
        ("a quarter of the rows, found by 1,000 rows at 0.1%", "25% mixed", "1000", 0.90),
    ):
        for piece in chosen:
            found = {
                attacker: pair[0] / max(1, pair[1])
                for attacker, theft in piece["figures"]["thefts"].items()
                if theft["decision"]
                and (pair := theft[cell].get("Moatkeeper", {}).get("detected", {}).get(look, {}).get("0.1%"))
            }
            met = [attacker for attacker, value in found.items() if value >= least]
            missed = ", ".join(f"{attacker} {value:.2f}" for attacker, value in found.items() if value < least)
            if found:
                rows.append(
                    [f"{said}: at least {least:.0%}", " ".join(piece["case"]), ", ".join(met) or "none", missed or "none"]
                )
    return table_of(("aim, of thieves who look for decisions", "case", "met", "missed"), rows) if rows else ""


def _authors(pieces: Sequence[Piece]) -> str:
    """Real authors whom a 1 % threshold would have troubled."""
    rows = [[name, _alarm([pair])] for piece in pieces[:1] for name, pair in piece["figures"]["authors"].items()]
    return table_of(("", "real authors after four prompts, at 1%"), rows)


def _said(pieces: Sequence[Piece]) -> str:
    cases = sorted({" ".join(piece["case"]) for piece in pieces})
    seeds = sorted({piece["seed"] for piece in pieces})
    quick = ", a quick run" if any(piece["quick"] for piece in pieces) else ""
    return f"{', '.join(cases)} ({len(seeds)} seed{'s' if len(seeds) > 1 else ''}{quick})"


def _rows_needed(pieces: Sequence[Piece]) -> str:
    """Median rows to detection at 1 % over all looks together, and what the copy was worth by then, for each contestant."""
    names = _contestants(pieces)
    rows = []
    for attacker in _attackers(pieces):
        row: list[object] = [attacker]
        for name in names:
            row.append(_needed(pieces, attacker, name))
        rows.append(row)
    return table_of(("thief", *names), rows)


def _needed(pieces: Sequence[Piece], attacker: str, name: str) -> str:
    medians, ninths, copies = [], [], []
    for piece in pieces:
        theft = piece["figures"]["thefts"].get(attacker)
        told = theft and theft.get("pure, long", {}).get(name, {}).get("rows", {}).get("1%")
        if not told:
            continue
        medians.append(told["median"] or np.inf)
        ninths.append(told["p90"] or np.inf)
        if told["median"] and "copies" in theft:
            copies.append(theft["copies"].get(str(told["median"]), np.nan))
    if not medians:
        return NOTHING
    median, ninth = float(np.median(medians)), float(np.median(ninths))
    if np.isinf(median):
        return "not found"
    worth = f", copy {np.nanmean(copies):.2f}" if copies else ""
    return f"{median:.0f} ({'more' if np.isinf(ninth) else f'{ninth:.0f}'}){worth}"


def _splits(pieces: Sequence[Piece]) -> str:
    """Accounts of a campaign that Moatkeeper finds one by one at 1 %, split over more and more accounts."""
    cells = ("pure, long", "split over 25 accounts", "split over 100 accounts", "split over 1,000 accounts")
    looks = ("1000", "100", "30", "4")
    rows = []
    for attacker in _attackers(pieces):
        row: list[object] = [attacker]
        for cell, look in zip(cells, looks, strict=True):
            each = [piece["figures"]["thefts"].get(attacker, {}).get(cell, {}).get("Moatkeeper") for piece in pieces]
            row.append(_pooled(one["detected"].get(look, {}).get("1%") for one in each if one))
        rows.append(row)
    return table_of(("thief", "1 × 1,000 rows", "25 × 100", "100 × 30", "1,000 × 4"), rows)


def _contestants(pieces: Sequence[Piece]) -> list[str]:
    return list(dict.fromkeys(name for piece in pieces for name in piece["figures"]["honest"]))


def _attackers(pieces: Sequence[Piece]) -> list[str]:
    return list(dict.fromkeys(name for piece in pieces for name in piece["figures"]["thefts"]))


def _listed(pieces: Sequence[Piece]) -> str:
    """Tables that a track made itself."""
    return "\n\n".join(
        f"{_said([piece])}:\n\n{table_of(one['columns'], one['rows'])}"
        for piece in pieces
        for one in piece["figures"]["tables"]
    )


def _track(track: str, last: str) -> dict[str, tuple[str, Callable[[Sequence[Piece]], str]]]:
    early = last if int(last) < MANY else str(MANY)
    return {
        f"{track}: false alarms": (track, _claims(_alarms)),
        f"{track}: thieves alone, {early} rows, 1%": (track, _claims(_detection("pure", early, "1%"))),
        f"{track}: thieves alone, {early} rows, 0.1%": (track, _claims(_detection("pure", early, "0.1%"))),
        f"{track}: a quarter of an honest account's rows, {last} rows, 1%": (
            track,
            _claims(_detection("25% mixed", last, "1%")),
        ),
        f"{track}: the same, 0.1%": (track, _claims(_detection("25% mixed", last, "0.1%"))),
        f"{track}: where Moatkeeper is beaten": (track, _beaten),
    }


TABLES: Mapping[str, tuple[str, Callable[[Sequence[Piece]], str]]] = {
    **_track("tabular", "1000"),
    "tabular: the aims": ("tabular", _aims),
    "tabular: rows to detection": ("tabular", _claims(_rows_needed)),
    "tabular: who pays": ("tabular", _claims(_payers)),
    "tabular: split campaigns": ("tabular", _claims(_splits)),
    **_track("images", "100"),
    **_track("texts", "100"),
    **_track("chat", "30"),
    "chat: real authors": ("chat", _authors),
    "rings": ("rings", _listed),
}
"""By heading: the track whose pieces it is made of, and how."""
