"""Rings of accounts: who is noticed, who is named, and whom it hits, by kind and size. Writes bench/results/rings.json.

Settings were chosen on credit; adult and letter are for claims. Every figure is of a simulated service (rings_world.py).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from bench.common import RESULTS, write_result
from bench.datasets import data_set
from bench.rings_world import KINDS, WEEK_S, Traffic, World, batch_of, honest_week, ring, together
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.rings import look_for_rings
from moatkeeper.patterns.rings_report import RingReport
from moatkeeper.patterns.window import windows_of

WEEKS, ACCOUNTS = 26, 2_000
"""Half a year of history, and honest accounts a week."""
SIZES = ((1_000, 4), (1_000, 16), (100, 100), (4_000, 4))
HONEST_WINDOWS = 6
MOST_ROWS = 16_000
"""Of a data set, that the population is made of."""
DATA = {
    "credit": ("tabular/credit.csv.gz", ()),
    "adult": ("tabular/adult.csv.gz", ("fnlwgt", "split")),
    "letter": ("tabular/letterrecognition_r.csv.gz", ()),
}
TARGETS = {"credit": -1, "adult": -1, "letter": 0}


@dataclass(frozen=True, slots=True)
class Cell:
    """One window: what was in it and what was said of it. Shares of honest accounts are of all of the window's."""

    data: str
    seed: int
    kind: str
    accounts: int
    each: int
    noticed: bool
    strongest: str
    z: float  # of the strongest global sign, 0 without one
    named_recall: float
    named_honest: float
    silent_recall: float
    silent_honest: float
    named: int
    honest_by_rule: dict[str, int]  # how many honest accounts each rule named


def table(name: str) -> tuple[np.ndarray, IntArray]:
    """Inputs (n, d) as numbers and classes (n,)."""
    path, left_out = DATA[name]
    with gzip.open(data_set(path), "rt") as lines:
        reader = csv.reader(lines)
        head = next(reader)
        records = [record for record in reader if len(record) == len(head)]
    kept = [place for place, column in enumerate(head) if column not in left_out]
    target = kept.pop(TARGETS[name])
    columns = [_numbers([record[place] for record in records]) for place in kept]
    _, labels = np.unique([record[target] for record in records], return_inverse=True)
    return np.stack(columns, axis=1), labels.astype(np.int64)


def _numbers(column: Sequence[str]) -> np.ndarray:
    try:
        return np.nan_to_num(np.array(column, dtype=np.float64))
    except ValueError:
        return np.unique(column, return_inverse=True)[1].astype(np.float64)


def real_sizes() -> IntArray:
    """Requests of each real account of a service."""
    counts: dict[str, int] = {}
    with gzip.open(data_set("traffic/gentd26_requests.csv.gz"), "rt") as lines:
        for record in csv.DictReader(lines):
            counts[record["groupId"]] = counts.get(record["groupId"], 0) + 1
    return np.array(list(counts.values()), dtype=np.int64)


def service(name: str, seed: int) -> World:
    """A boosted victim, trained on a third of the data, and the population of the rest."""
    inputs, labels = table(name)
    order = np.random.default_rng(seed).permutation(len(inputs))
    third = len(order) // 3
    model = HistGradientBoostingClassifier(max_iter=60, random_state=seed).fit(inputs[order[:third]], labels[order[:third]])
    return World.of(inputs[order[third:]][:MOST_ROWS], model.predict_proba, real_sizes(), seed)


def measured(name: str, seed: int, kinds: Sequence[str], sizes: Sequence[tuple[int, int]]) -> Iterator[Cell]:
    """All windows of one data set and seed."""
    world, rng = service(name, seed), np.random.default_rng(1_000 + seed)
    history = batch_of(world, [honest_week(world, rng, ACCOUNTS) for _ in range(WEEKS)], rng)
    calibration = Calibration.fit(name, history)
    for number in range(HONEST_WINDOWS):
        drift = 0.0 if number < HONEST_WINDOWS // 2 else 0.7
        week = honest_week(world, rng, ACCOUNTS, drift)
        yield _cell(name, seed, "drift" if drift else "honest", 0, 0, _report(world, calibration, week, rng))
    for kind in kinds:
        for accounts, each in sizes:
            week = together(honest_week(world, rng, ACCOUNTS), ring(world, rng, kind, accounts, each))
            yield _cell(name, seed, kind, accounts, each, _report(world, calibration, week, rng))


def _report(world: World, calibration: Calibration, week: Traffic, rng: np.random.Generator) -> RingReport:
    batch = batch_of(world, [week], rng, first_week=WEEKS)
    ((_, window),) = windows_of(calibration.profile, batch, WEEKS * WEEK_S, WEEK_S)
    return look_for_rings(calibration, window)


def _cell(name: str, seed: int, kind: str, accounts: int, each: int, report: RingReport) -> Cell:
    named, silent = (
        [_in_ring(suspect.account) for suspect in found] for found in (report.named, (*report.silent, *report.named))
    )
    signs = [sign for sign in report.signs if sign.test.startswith("excess")]
    best = max(signs, key=lambda sign: sign.z, default=None)
    return Cell(
        name,
        seed,
        kind,
        accounts,
        each,
        report.ring,
        best.test if best else (report.signs[0].test if report.signs else ""),
        best.z if best else 0.0,
        sum(named) / max(accounts, 1),
        (len(named) - sum(named)) / ACCOUNTS,
        sum(silent) / max(accounts, 1),
        (len(silent) - sum(silent)) / ACCOUNTS,
        len(named),
        dict(Counter(suspect.rule.value for suspect in report.named if not _in_ring(suspect.account))),
    )


def _in_ring(account: str) -> bool:
    return int(account.rpartition("-")[2]) >= ACCOUNTS


def main() -> None:
    """Runs the windows asked for and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="*", default=["credit", "adult", "letter"], choices=list(DATA))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--sizes", type=int, default=len(SIZES), help="how many of the sizes, most telling first")
    parser.add_argument("--name", default="rings", help="of the result file")
    parser.add_argument("--join", nargs="*", default=[], help="names of result files whose windows are taken in as well")
    given = parser.parse_args()
    joined = [json.loads((RESULTS / f"{name}.json").read_text()) for name in given.join]
    cells = [cell for part in joined for cell in part["cells"]]
    seeds = sorted({*given.seeds, *(seed for part in joined for seed in part["seeds"])})
    for name in given.data:
        for seed in given.seeds:
            for cell in measured(name, seed, given.kinds, SIZES[: given.sizes]):
                print(cell, flush=True)
                cells.append(asdict(cell))
                _written(given.name, cells, seeds)
    print(_written(given.name, cells, seeds))


def _written(name: str, cells: Sequence[object], seeds: Sequence[int]) -> Path:
    figures = {"history": {"weeks": WEEKS, "accounts_a_week": ACCOUNTS}, "tuned_on": ["credit"], "cells": cells}
    return write_result(name, figures, seeds=seeds, packages=["scikit-learn"])


if __name__ == "__main__":
    main()
