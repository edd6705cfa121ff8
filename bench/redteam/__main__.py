"""Steals models for real and writes down what it took: bench/results/redteam.json, and the tables of docs/concepts/redteam.md.

python -m bench.redteam                      all parts, about half an hour of one core
python -m bench.redteam --quick              fewer seeds and rows, some minutes
python -m bench.redteam --only tramer matrix these parts; the others keep their last figures
python -m bench.redteam --docs               also writes the page from the figures
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from bench.common import RESULTS, machine, write_result
from bench.redteam import page

PARTS: Mapping[str, Sequence[int]] = {
    "tramer": (1, 2, 3),
    "matrix": (1, 2, 3, 4, 5),
    "images": (1, 2, 3),
    "texts": (1, 2, 3),
    "language": (1, 2, 3),
    "campaign": (1,),
}
"""The parts, each a module with ``measure(seeds, quick=...)``, and the seeds of a full run."""

RESULT = RESULTS / "redteam.json"


def main() -> None:
    """Measures what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, fewer rows")
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=list(PARTS), help="these parts")
    parser.add_argument("--docs", action="store_true", help="also write docs/concepts/redteam.md")
    parser.add_argument("--no-measuring", action="store_true", help="only write the page from the last figures")
    arguments = parser.parse_args()
    if not arguments.no_measuring:
        for name in arguments.only:
            _measure(name, quick=arguments.quick)
    figures = json.loads(RESULT.read_text())
    print(page.text(figures))
    if arguments.docs:
        page.write(figures)


def _measure(name: str, *, quick: bool) -> None:
    """One part's figures, written down at once beside those that are there."""
    print(f"measuring {name} ...", flush=True)
    seeds = PARTS[name][:1] if quick else PARTS[name]
    measure: Callable[..., Mapping[str, object]] = import_module(f"bench.redteam.{name}").measure
    began = time.perf_counter()
    figures = measure(seeds, quick=quick)
    took_s = round(time.perf_counter() - began, 1)
    before = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    parts = {part: before[part] for part in PARTS if part in before}
    parts[name] = {
        "seeds": list(seeds),
        "quick": quick,
        "seconds": took_s,
        "machine": machine("scikit-learn"),
        "figures": figures,
    }
    write_result("redteam", parts, seeds=PARTS["matrix"], packages=("scikit-learn", "scipy", "torch"))
    print(f"{name}: {took_s} s", flush=True)


if __name__ == "__main__":
    main()
