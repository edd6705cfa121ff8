"""Looks for thieves in honest traffic: bench/results/patterns.json, and the tables of docs/concepts/patterns.md.

python -m bench.patterns                     all tracks, an hour or more of two cores
python -m bench.patterns --quick             fewer cases, accounts and rows, some minutes
python -m bench.patterns --only tabular      this track; the others keep their last figures
python -m bench.patterns --resume            only cases of which there is no piece yet
python -m bench.patterns --docs              also writes the page from the figures
"""

from __future__ import annotations

import argparse

from bench.patterns import page
from bench.patterns.running import CORES, PIECES, SEEDS, TRACKS, jobs_of, merge, run


def main() -> None:
    """Measures what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, fewer cases, accounts and rows")
    parser.add_argument("--only", nargs="+", choices=TRACKS, default=list(TRACKS), help="these tracks")
    parser.add_argument("--case", nargs="+", default=[], help="cases that hold all of these words")
    parser.add_argument("--seeds", nargs="+", type=int, help="instead of the usual one")
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    parser.add_argument("--resume", action="store_true", help="leave out what was measured before")
    parser.add_argument("--show", action="store_true", help="print the tables")
    parser.add_argument("--docs", action="store_true", help="also write docs/concepts/patterns.md")
    parser.add_argument("--no-measuring", action="store_true", help="only put the pieces together and write the page")
    arguments = parser.parse_args()
    PIECES.mkdir(parents=True, exist_ok=True)
    if not arguments.no_measuring:
        seeds = tuple(arguments.seeds or (SEEDS[:1] if arguments.quick else SEEDS))
        jobs = [job for job in jobs_of(arguments.only, seeds, quick=arguments.quick) if set(arguments.case) <= set(job.case)]
        if arguments.resume:
            jobs = [job for job in jobs if not (PIECES / f"{job.name}.json").is_file()]
        run(jobs, arguments.jobs)
    figures = merge()
    if arguments.show:
        print(page.text(figures))
    if arguments.docs:
        page.write(figures)


if __name__ == "__main__":
    main()
