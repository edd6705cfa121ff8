"""The picture of the theft: how well copies decide, against the rows that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatkeeper.demo.run import Findings
from moatkeeper.demo.theft import mean_fidelity
from moatkeeper.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES: Sequence[Mapping[str, Any]] = (
    {"color": "#d6604d", "marker": "o", "linewidth": 7, "markersize": 13, "alpha": 0.45},
    {"color": "#08306b", "marker": "s", "linewidth": 2.4, "markersize": 9},
    {"color": "#2171b5", "marker": "D", "linewidth": 1.8, "markersize": 6.5},
    {"color": "#111111", "marker": "^", "linewidth": 1.1, "markersize": 4.5, "linestyle": "--"},
    {"color": "#238b45", "marker": "v", "linewidth": 1.8, "markersize": 6.5},
)
"""Bare first and broad, so that the guarded lines that lie upon it leave it visible; told apart without colour as well."""
NOTE: Mapping[str, Any] = {"textcoords": "offset points", "fontsize": 8}


def draw(findings: Findings, path: Path) -> None:
    """Writes the picture as PNG; raises MissingExtra without matplotlib."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter, StrMethodFormatter
    except ImportError as error:
        raise MissingExtra("the demo's picture needs matplotlib", hint="pip install 'moatkeeper[demo]'") from error
    # A Figure of its own draws without a display and without pyplot's global state.
    figure = Figure(figsize=(9.5, 5.8), dpi=130, layout="constrained")
    axes = figure.subplots()
    for line in _lines(findings):
        _draw_line(axes, line, findings.plan.budget)
    _draw_baselines(axes, findings)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(findings.plan.rungs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("rows asked")
    axes.set_ylabel(f"copy and model decide alike ({findings.held_out_rows:,} held-out clients)")
    axes.set_title("Theft of a credit model through its API, bare and behind Moatkeeper", fontsize=12, loc="left")
    axes.grid(color="#dddddd", linewidth=0.6)
    note = f"mean and range of {findings.plan.repetitions} thieves\ndotted: refused for the rest of the hour"
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.06), fontsize=9, framealpha=0.95, title=note, title_fontsize=8)
    figure.savefig(path)


@dataclass(frozen=True, slots=True)
class _Line:
    """One thief's curve, up to the last rung that was answered in full."""

    title: str
    style: Mapping[str, Any]
    budgets: Sequence[float]
    means: Sequence[float]
    lowest: Sequence[float]
    highest: Sequence[float]


def _lines(findings: Findings) -> Iterator[_Line]:
    for campaign, style in zip((findings.bare, *findings.guarded), STYLES, strict=True):
        rungs = [campaign.at(index) for index in range(len(findings.plan.rungs))]
        reached = [rung for rung in rungs if all(score.in_full for score in rung)]
        title = campaign.thief.title if campaign is findings.bare else f"guarded: {campaign.thief.title}"
        yield _Line(
            title,
            style,
            budgets=[rung[0].budget for rung in reached],
            means=[mean_fidelity(rung) for rung in reached],
            lowest=[min(score.fidelity for score in rung) for rung in reached],
            highest=[max(score.fidelity for score in rung) for rung in reached],
        )


def _draw_line(axes: Axes, line: _Line, budget: int) -> None:
    colour = line.style["color"]
    axes.plot(line.budgets, line.means, label=line.title, **line.style)
    axes.fill_between(line.budgets, line.lowest, line.highest, color=colour, alpha=0.1, linewidth=0)
    if line.budgets and line.budgets[-1] < budget:
        axes.plot([line.budgets[-1], budget], [line.means[-1]] * 2, color=colour, linestyle=":", linewidth=1.6)


def _draw_baselines(axes: Axes, findings: Findings) -> None:
    without = findings.without_api
    baselines = {
        f"no API: learning from {without.own_outcomes} outcomes of one's own": without.own_outcomes_fidelity,
        "no API: always the same decision": without.constant_fidelity,
    }
    for text, level in baselines.items():
        axes.axhline(level, color="#777777", linestyle="--", linewidth=1)
        axes.annotate(text, (findings.plan.rungs[0], level), (0, 4), **NOTE, color="#555555")
