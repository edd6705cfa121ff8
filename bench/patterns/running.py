"""Cases are measured in processes of their own; each leaves a piece, and the pieces make one file."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from threadpoolctl import threadpool_limits

from bench.common import RESULTS, machine, write_result

TRACKS = ("tabular", "images", "texts", "chat", "rings")
"""Modules with ``cases(quick=...)``, each case a tuple of words, and ``measure(*case, seed=..., quick=...)``."""
SEEDS = (1,)
"""One takes an hour or more of two cores; ``--seeds 1 2 3`` measures more, and the tables pool them."""
PIECES = RESULTS / "patterns"
RESULT = RESULTS / "patterns.json"
CORES = 2


class Job(NamedTuple):
    """One case of one track with one seed."""

    track: str
    case: tuple[str, ...]
    seed: int
    quick: bool

    @property
    def name(self) -> str:
        """Of its piece."""
        return "-".join((self.track, *self.case, f"seed{self.seed}", *(["quick"] if self.quick else [])))


def jobs_of(tracks: Sequence[str], seeds: Sequence[int], *, quick: bool) -> list[Job]:
    """Seed after seed, so that an interrupted run has seen every case once before any twice."""
    found = []
    for seed in seeds:
        for track in tracks:
            found += [Job(track, case, seed, quick) for case in import_module(f"bench.patterns.{track}").cases(quick=quick)]
    return found


def run(jobs: Sequence[Job], processes: int) -> None:
    if processes <= 1:
        for job in jobs:
            print(measure(job), flush=True)
        return
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        for line in pool.imap_unordered(measure, jobs):
            print(line, flush=True)


def measure(job: Job) -> str:
    """One piece, written down at once."""
    began = time.perf_counter()
    with threadpool_limits(1):
        figures = import_module(f"bench.patterns.{job.track}").measure(*job.case, seed=job.seed, quick=job.quick)
    took_s = round(time.perf_counter() - began, 1)
    piece = {
        "track": job.track,
        "case": list(job.case),
        "seed": job.seed,
        "quick": job.quick,
        "seconds": took_s,
        "machine": machine("scikit-learn", "scipy"),
        "figures": figures,
    }
    write_result(f"patterns/{job.name}", piece, seeds=[job.seed])
    return f"{job.name}: {took_s} s"


def merge() -> dict[str, object]:
    """All pieces in one file; a quick one counts only where there is no other of its case and seed."""
    pieces = [json.loads(path.read_text()) for path in sorted(PIECES.glob("*.json"))]
    full = {(piece["track"], *piece["case"], piece["seed"]) for piece in pieces if not piece["quick"]}
    kept = [piece for piece in pieces if not piece["quick"] or (piece["track"], *piece["case"], piece["seed"]) not in full]
    tracks = {track: [piece for piece in kept if piece["track"] == track] for track in TRACKS}
    seeds = sorted({piece["seed"] for piece in kept})
    head = {"benchmark": "patterns", "shares": "[accounts found, accounts in all]", "seeds": seeds, "machine": machine("torch")}
    lines = [f"{json.dumps(track)}: [\n" + ",\n".join(map(json.dumps, of)) + "\n]" for track, of in tracks.items()]
    RESULT.write_text(json.dumps(head)[:-1] + ',\n"tracks": {\n' + ",\n".join(lines) + "\n}}\n")  # a piece a line
    return dict(json.loads(RESULT.read_text()))
