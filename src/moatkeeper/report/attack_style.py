"""How the page of a theft looks: one style for light and dark, on screen and on paper, with no font from elsewhere."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --back: #fff; --ink: #1b1f24; --soft: #57606a; --rule: #d5dae0; --panel: #f5f7f9;
  --c0: #b2182b; --c1: #2166ac; --c2: #1b7837; --c3: #8c510a; --c4: #762a83; --c5: #01665e; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --ink: #e8ebee; --soft: #a3acb5; --rule: #39414a;
  --panel: #1d2227; --c0: #f4777f; --c1: #6db3f2; --c2: #7bd389; --c3: #e0b060; --c4: #cf9be6; --c5: #5fd0c5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0.2rem 0 1rem; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 0.6rem; }
.kicker, .small, caption { color: var(--soft); font-size: 0.9rem; }
.kicker { margin: 0; }
.lead { font-size: 1.1rem; }
.warning { border-left: 4px solid var(--c0); padding: 0.4rem 0.9rem; background: var(--panel); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
caption { text-align: left; padding-bottom: 0.4rem; }
th, td { padding: 0.35rem 0.6rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid var(--rule); font-weight: 600; }
.wide { overflow-x: auto; }
figure { margin: 1rem 0 0; }
figure svg { width: 100%; height: auto; display: block; }
.legend { list-style: none; margin: 0.6rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; }
.legend svg { width: 36px; display: inline-block; vertical-align: middle; margin-right: 0.5rem; }
.grid { stroke: var(--rule); stroke-width: 0.6; }
.guide { stroke: var(--rule); stroke-width: 1; stroke-dasharray: 3 3; }
.axis { stroke: var(--soft); stroke-width: 1; }
.baseline { stroke: var(--soft); stroke-width: 1.2; stroke-dasharray: 1 4; stroke-linecap: round; }
.tick, .title { fill: var(--soft); font: 12px system-ui, sans-serif; }
.tick { paint-order: stroke; stroke: var(--back); stroke-width: 3px; }
.title { font-size: 13px; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.line { fill: none; stroke-width: 2.2; }
.band { stroke: none; opacity: 0.16; }
.line.c0 { stroke: var(--c0); } .mark.c0, .band.c0 { fill: var(--c0); }
.line.c1 { stroke: var(--c1); } .mark.c1, .band.c1 { fill: var(--c1); }
.line.c2 { stroke: var(--c2); } .mark.c2, .band.c2 { fill: var(--c2); }
.line.c3 { stroke: var(--c3); } .mark.c3, .band.c3 { fill: var(--c3); }
.line.c4 { stroke: var(--c4); } .mark.c4, .band.c4 { fill: var(--c4); }
.line.c5 { stroke: var(--c5); } .mark.c5, .band.c5 { fill: var(--c5); }
@media print { main { max-width: none; padding: 0; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""
