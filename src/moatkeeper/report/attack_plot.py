"""The picture of a theft: fidelity against what was asked or paid, as SVG of our own that needs nothing from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 430
LEFT, RIGHT, TOP, BOTTOM = 58, 20, 16, 52
GUIDES = (0.80, 0.90, 0.95, 0.99)
LOWEST_STEP = 0.1
"""The axis begins at a multiple of this below all that is drawn."""
COLOURS = 6
"""Lines that are told apart by colour; the page's style names the colours, and dashes and marks repeat them."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2")
MARKS = ("circle", "square", "diamond", "triangle")


@dataclass(frozen=True, slots=True)
class Point:
    """A fidelity with its interval, at what it took."""

    x: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """One defence's points, with growing x."""

    title: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values lie on the picture: x by its logarithm, y by a share."""

    first: float
    last: float
    floor: float

    def x(self, value: float) -> float:
        """Pixels from the left."""
        share = (math.log10(value) - self.first) / (self.last - self.first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        share = (value - self.floor) / (1 - self.floor)
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def plot(lines: Sequence[Line], baselines: Mapping[str, float], axis: str, write: Callable[[float], str]) -> str:
    """An SVG element; empty where no line has a point. ``write`` says a number on the axis of ``axis``.

    Points at 0 or below have no logarithm and are left out, as a free answer has no place on an axis of money.
    """
    kept = [Line(line.title, tuple(point for point in line.points if point.x > 0)) for line in lines]
    xs = [point.x for line in kept for point in line.points]
    if not xs:
        return ""
    frame = _frame(xs, [point.low for line in kept for point in line.points], list(baselines.values()))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(f"Fidelity against {axis}")}">',
        *_axes(frame, axis, write),
        *(_baseline(frame, name, level) for name, level in baselines.items()),
        *(part for index, line in enumerate(kept) for part in _line(frame, line, index)),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def legend(titles: Sequence[str]) -> str:
    """What each line is, with the line's own dash and mark; nothing for a single line."""
    if len(titles) < 2:
        return ""
    keys = []
    for index, title in enumerate(titles):
        dash = DASHES[index % len(DASHES)]
        stroke = f'<line x1="2" y1="7" x2="34" y2="7" class="line c{index % COLOURS}" stroke-dasharray="{dash}"/>'
        keys.append(
            f'<li><svg viewBox="0 0 36 14" width="36" height="14">{stroke}{_mark(18, 7, index)}</svg>{escape(title)}</li>'
        )
    return f'<ul class="legend">{"".join(keys)}</ul>'


def _frame(xs: Sequence[float], lows: Sequence[float], levels: Sequence[float]) -> Frame:
    first, last = math.log10(min(xs)), math.log10(max(xs))
    if last - first < 1:  # at least a decade, so that one rung has an axis too
        middle = (first + last) / 2
        first, last = middle - 0.5, middle + 0.5
    margin = 0.03 * (last - first)
    lowest = min([*lows, *levels])
    floor = max(0.0, min(0.9, math.floor((lowest - 0.01) / LOWEST_STEP) * LOWEST_STEP))
    return Frame(first - margin, last + margin, floor)


def _axes(frame: Frame, axis: str, write: Callable[[float], str]) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    steps = round((1 - frame.floor) / LOWEST_STEP)
    for level in sorted({round(frame.floor + step * LOWEST_STEP, 2) for step in range(steps + 1)} | set(GUIDES)):
        if level < frame.floor:
            continue
        y, guide = frame.y(level), level in GUIDES
        label = level not in {1.0} and (guide or steps <= len(GUIDES) or level < min(GUIDES))
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" class="{"guide" if guide else "grid"}"/>')
        if label:
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" class="tick end">{level:.0%}</text>')
    for value in _ticks(frame):
        x = frame.x(value)
        parts.append(f'<line x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 5}" class="axis"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 19}" class="tick middle">{escape(write(value))}</text>')
    parts.append(f'<line x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}" class="axis"/>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" class="title middle">{escape(axis)}</text>')
    return parts


def _ticks(frame: Frame) -> list[float]:
    """1, 2 and 5 of each power of ten that is on the axis; fewer where it is long."""
    powers = range(math.floor(frame.first), math.ceil(frame.last) + 1)
    span = frame.last - frame.first
    few, some = 4.5, 2.2
    steps = (1,) if span > few else (1, 3) if span > some else (1, 2, 5)
    values = [step * 10.0**power for power in powers for step in steps]
    return [value for value in values if frame.first <= math.log10(value) <= frame.last]


def _baseline(frame: Frame, name: str, level: float) -> str:
    y = frame.y(level)
    line = f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" class="baseline"/>'
    return f'{line}<text x="{WIDTH - RIGHT - 4}" y="{y - 5:.1f}" class="tick end">no API: {escape(name)}</text>'


def _line(frame: Frame, line: Line, index: int) -> list[str]:
    if not line.points:
        return []
    places = [(frame.x(point.x), frame.y(point.mean)) for point in line.points]
    upper = [f"{frame.x(point.x):.1f},{frame.y(point.high):.1f}" for point in line.points]
    lower = [f"{frame.x(point.x):.1f},{frame.y(point.low):.1f}" for point in reversed(line.points)]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    colour, dash = f"c{index % COLOURS}", DASHES[index % len(DASHES)]
    return [
        f'<polygon points="{" ".join(upper + lower)}" class="band {colour}"/>',
        f'<polyline points="{drawn}" class="line {colour}" stroke-dasharray="{dash}"/>',
        *(_mark(x, y, index, _told(point)) for (x, y), point in zip(places, line.points, strict=True)),
    ]


def _told(point: Point) -> str:
    return f"{point.x:,.6g}: {100 * point.mean:.2f} % [{100 * point.low:.2f}, {100 * point.high:.2f}]"


def _mark(x: float, y: float, index: int, told: str = "") -> str:
    title = f"<title>{escape(told)}</title>" if told else ""
    kind, colour = MARKS[index % len(MARKS)], f"mark c{index % COLOURS}"
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="{colour}">{title}</circle>'
    corners = {
        "square": ((-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)),
        "diamond": ((0, -5), (5, 0), (0, 5), (-5, 0)),
        "triangle": ((0, -5), (4.8, 4), (-4.8, 4)),
    }[kind]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" class="{colour}">{title}</polygon>'
