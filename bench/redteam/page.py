"""The tables of docs/concepts/redteam.md, made from bench/results/redteam.json and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.common import ROOT

PAGE = ROOT / "docs" / "concepts" / "redteam.md"
Figures = Mapping[str, Any]

MATRIX_TACTICS = (
    "naive",
    "labels",
    "invert-table",
    "invert-learned",
    "repeat x8",
    "repeat x8, budget x8",
    "jitter x8, budget x8",
)


def text(figures: Figures) -> str:
    """All tables, one after the other."""
    return "\n\n".join(f"### {name}\n\n{table(figures[name]['figures'])}" for name, table in TABLES.items() if name in figures)


def write(figures: Figures) -> None:
    """Puts each table between its marks in the page; a part that was not measured keeps what stands there."""
    page = PAGE.read_text()
    for name, table in TABLES.items():
        if name not in figures:
            continue
        begin, end = f"<!-- bench.redteam {name}: begin -->\n", f"<!-- bench.redteam {name}: end -->"
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition(end)
        page = f"{head}{begin}\n{_measured(figures[name])}\n\n{table(figures[name]['figures'])}\n\n{end}{tail}"
    PAGE.write_text(page)


def _measured(part: Figures) -> str:
    seeds = len(part["seeds"])
    quick = "a quick run with fewer rows; " if part["quick"] else ""
    return f"Measured with {quick}{seeds} seed{'s' if seeds > 1 else ''} in {part['seconds']:.0f} s."


def _cell(value: object) -> str:
    if isinstance(value, Mapping) and "mean" in value:
        half = (value["high"] - value["low"]) / 2
        return f"{value['mean']:.3f} ± {half:.3f}" if half else f"{value['mean']:.3f}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows])


def _tramer(figures: Figures) -> str:
    columns = ("theft", "attack", "answers", "queries", "held out", "uniform", "published, or the project's reference")
    rows = [
        [
            line["case"],
            f"`{line['attack']}`",
            line["answers"],
            f"{line['queries']:,}",
            line["fidelity"],
            line["fidelity_uniform"],
            line["published"],
        ]
        for before, line in zip([{}, *figures["lines"]], figures["lines"], strict=False)
        if (before.get("case"), before.get("queries")) != (line["case"], line["queries"])  # a larger budget was not used up
    ]
    return _table(columns, rows)


def _matrix(figures: Figures) -> str:
    parts = []
    for pool, title in (("in", "rows like the customers'"), ("out", "photographs instead of digits")):
        used = [tactic for tactic in MATRIX_TACTICS if any(tactic in row[pool] for row in figures["rows"])]
        columns = ("defence", "labels changed", "L1", *used, "best thief within the budget")
        rows = [
            [
                row["defence"],
                row["labels_changed"]["mean"],
                row["l1"]["mean"],
                *(row[pool].get(tactic) for tactic in used),
                f"{_cell(row[pool]['best'])} ({row[pool]['best_tactic']})",
            ]
            for row in figures["rows"]
        ]
        parts.append(f"{figures['budget']:,} questions, {title}:\n\n{_table(columns, rows)}")
    return "\n\n".join(parts)


def _images(figures: Figures) -> str:
    parts = []
    for name, case in figures.items():
        rows = [
            [
                f"`{row['attack']}`",
                row["images"],
                row["answers"],
                f"{row['queries']:,}",
                row["fidelity"],
                row["accuracy"],
                _elsewhere(row["published"]),
            ]
            for row in case["thefts"]
        ]
        columns = ("attack", "images", "answers", "queries", "fidelity", "accuracy", "published accuracy, elsewhere")
        known = f"accuracy of the victim {case['victim_accuracy']:.3f}, best constant {case['constant_fidelity']:.3f}"
        parts.append(f"{name}, {known}:\n\n{_table(columns, rows)}")
    return "\n\n".join(parts)


def _elsewhere(published: Sequence[Figures]) -> str:
    return "; ".join(
        f"{one['figure']:.3f} at {one['queries']:,} ({one['source'].split(':')[0].split(',')[0]})" for one in published
    )


def _texts(figures: Figures) -> str:
    parts = []
    for part in ("classifiers", "encoders"):
        rows = [
            [
                line["victim"],
                f"`{line['attack']}`",
                line["released"],
                f"{queries:,}",
                line["fidelity"][index],
                line["published"],
            ]
            for line in figures[part]
            for index, queries in enumerate(line["queries"])
        ]
        parts.append(_table(("victim", "attack", "answers", "queries", "fidelity", "published"), rows))
    unasked = ", ".join(f"{name} {_cell(value)}" for name, value in figures["encoders without asking"].items())
    parts.append(f"The public encoder itself, which asks nobody: {unasked}. {figures['note'].replace('* ', 'A star: ')}.")
    return "\n\n".join(parts)


def _language(figures: Figures) -> str:
    rank = [
        [case, f"{_whole(got['hidden_size'])}", f"{got['gap']['mean']:.3g}", f"{got['outside']['mean']:.2g}", _reference(one)]
        for case, one in figures["rank"].items()
        for got in [one["measured"]]
    ]
    prices = [[name, f"{got['calls']:,.0f}", got["error_nats"], got.get("outside")] for name, got in figures["prices"].items()]
    return "\n\n".join(
        [
            _table(("answers", "hidden size found", "gap", "share of the head outside the span", "reference"), rank),
            _table(("what is recovered", "calls", "mean error (nats)", "share of the head outside"), prices),
            _chat(figures["chat"]),
            "The system prompt, of a model that obeys 4 of 12 questions: "
            + "; ".join(f"{k} {_cell(v)}" for one in figures["system prompt"].values() for k, v in one.items())
            + ".",
        ]
    )


def _whole(value: Figures) -> str:
    return f"{value['mean']:.0f}" if value["low"] == value["high"] else f"{value['mean']:.1f}"


def _reference(one: Figures) -> str:
    return ", ".join(
        f"{name} {value:.0f}" if name == "size" else f"{name} {value:.2g}" for name, value in one["reference"].items()
    )


def _chat(figures: Figures) -> str:
    rows: list[list[object]] = []
    for name, found in figures.items():
        if "exact" in found:  # one budget only
            rows.append([name, None, found["exact"], found["fidelity"]])
        rows += [[name, got, at["exact"], at["fidelity"]] for got, at in found.items() if got.isdecimal()]
    return _table(("thief", "answers bought", "exactly the victim's answer", "words in common (F1)"), rows)


def _campaign(figures: Figures) -> str:
    rows = []
    for line in figures["lines"]:
        honest = line["measured"]["honest"]["total"]
        for thief in line["measured"]["thieves"]:
            best = max((score["figures"]["fidelity"] for score in thief["scores"]), default=None)
            price = thief["price_of"]["0.92"]
            rows.append(
                [
                    line["guard"],
                    thief["name"],
                    best,
                    f"{thief['days']:.1f}",
                    None if price is None else f"{price['money']:.2f}",
                    f"{honest['touched']} of {honest['customers']:,}",
                    honest["labels_changed"],
                    f"{line['requests']:,} in {line['wall_s']:.0f} s, {line['peak_memory_mib']:.0f} MiB",
                ]
            )
    columns = (
        "guard",
        "thief",
        "best fidelity",
        "days",
        "USD for 0.92",
        "customers refused at least once",
        "labels changed",
        "requests, time and memory",
    )
    return _table(columns, rows)


TABLES: Mapping[str, Callable[[Figures], str]] = {
    "tramer": _tramer,
    "matrix": _matrix,
    "images": _images,
    "texts": _texts,
    "language": _language,
    "campaign": _campaign,
}
