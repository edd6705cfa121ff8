"""How fast a hunt is and how much memory it takes, beside what else one could run over the same file.

    python -m bench.hunt [--exchanges N] [--accounts N]      prints, and writes bench/results/hunt.json (make bench-hunt)

The log is generated: real rows of credit card clients, dealt to accounts whose sizes are log-normal, in Moatkeeper's own
form, one exchange a line, over ninety days; a planted ring of accounts searches along the boundary of the model for three days.
Each contender runs in a process of its own, with so many cores:

    hunt                  moatkeeper hunt without a calibration: all of it, the report included
    hunt, calibrated      the same with a calibration on other honest accounts of the same kind
    DuckDB scan           reads the same file, parses every number, sums by account: a floor for what DuckDB is used for
    isolation forest      what people do today: pandas reads the file, features by account, scikit-learn's IsolationForest

Peak memory is the largest sum of the resident sets of a contender's processes, looked at every 50 ms.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import psutil
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bench.common import write_result
from moatkeeper.core.query import FloatArray
from moatkeeper.demo.credit import load
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.calibration import Calibration

EXCHANGES, ACCOUNTS = 1_500_000, 20_000
CORES = 2
DAYS, START, DAY_S = 90.0, 1_767_225_600.0, 86_400.0
RING, RING_ROWS, RING_FROM, RING_DAYS = 500, 16, 60.0, 3.0
SEED = 20_261_125
TRAINED = 8_000  # rows that the model learned from; customers ask about the others
SPECIALISED, BREADTH = 0.8, 0.05  # share of accounts that ask of a part of the space, and how large that is
CALIBRATING = 4_000  # accounts
LOOK_S = 0.05
MB = 2**20

DUCKDB = """
import duckdb, sys
duckdb.execute("SET threads = %d")
rows = duckdb.execute('''SELECT account, count(*), sum(list_sum(inputs."values"[1])), max("at") FROM read_json('%s',
 format='newline_delimited', columns={account: 'VARCHAR', "at": 'DOUBLE', inputs: 'STRUCT("values" DOUBLE[][])',
 outputs: 'STRUCT("values" DOUBLE[][])[]'}) GROUP BY account''').fetchall()
print(len(rows))
"""
FOREST = """
import numpy as np, pandas as pd
from sklearn.ensemble import IsolationForest
parts = []
for part in pd.read_json('%s', lines=True, chunksize=200_000):
    rows = np.array([one['values'][0] for one in part['inputs']])
    scores = np.array([one[0]['values'][0] for one in part['outputs']])
    frame = pd.DataFrame(rows).assign(account=part['account'].to_numpy(), margin=np.abs(scores[:, 1] - scores[:, 0]))
    grouped = frame.groupby('account')
    parts.append(pd.concat([grouped.sum(), grouped.size().rename('rows')], axis=1))
total = pd.concat(parts).groupby(level=0).sum()
features = total.drop(columns='rows').div(total['rows'], axis=0)
strange = IsolationForest(random_state=0, n_jobs=%d).fit(features.to_numpy()).score_samples(features.to_numpy())
for name in features.index[np.argsort(strange)[:500]]:
    print(name)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One contender. ``ring_found`` is the share of the ring's accounts among those it lists; None where it lists none."""

    contender: str
    seconds: float
    exchanges_per_s: float
    peak_mb: float
    listed: int | None = None
    ring_found: float | None = None
    honest_listed: int | None = None


def main() -> None:
    """Measures, prints, and writes the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--exchanges", type=int, default=EXCHANGES)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log, calibration = Path(folder) / "log.jsonl", Path(folder) / "credit.calibration"
        count = generate(log, calibration, asked.exchanges, asked.accounts)
        size = log.stat().st_size
        log.read_bytes()  # so that all contenders find the file in the system's cache
        hunting = [sys.executable, "-m", "moatkeeper", "hunt", str(log), "--json", "--workers", str(CORES)]
        found = [
            measured("hunt", hunting, count),
            measured("hunt, calibrated", [*hunting, "--calibration", str(calibration)], count),
            measured("DuckDB scan", [sys.executable, "-c", DUCKDB % (CORES, log)], count),
            measured("isolation forest", [sys.executable, "-c", FOREST % (log, CORES)], count),
        ]
    about = {"exchanges": count, "accounts": asked.accounts, "log_bytes": size, "ring": RING, "ring_rows": RING_ROWS}
    figures = {"log": about, "cores": CORES, "contenders": found}
    write_result("hunt", figures, seeds=[SEED], packages=["duckdb", "numpy", "pandas", "scikit-learn"])


def measured(contender: str, command: Sequence[str], exchanges: int) -> Measured:
    """Runs a contender to its end and looks at its memory."""
    began, peak = time.perf_counter(), 0
    # Into a file: a pipe that nobody reads would stop whoever prints more than it holds.
    with tempfile.TemporaryFile("w+") as out, subprocess.Popen(command, stdout=out) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, resident(watched))
            time.sleep(LOOK_S)
        seconds = time.perf_counter() - began
        out.seek(0)
        listed, hits = listing(contender, out.read())
    found = Measured(
        contender,
        seconds,
        exchanges / seconds,
        peak / MB,
        None if listed is None else len(listed),
        None if listed is None else hits / RING,
        None if listed is None else len(listed) - hits,
    )
    told = "" if listed is None else f"   lists {len(listed)}, {hits} of the ring"
    print(f"{contender:20} {seconds:8.1f} s {exchanges / seconds:12,.0f} exchanges/s {peak / MB:8.0f} MB{told}", flush=True)
    return found


def resident(process: psutil.Process) -> int:
    """Bytes of a process and of those that it started."""
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            try:
                total += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        return total
    return total


def listing(contender: str, out: str) -> tuple[set[str] | None, int]:
    """The accounts that a contender lists, and how many of them are the ring's."""
    if contender.startswith("hunt"):
        models = json.loads(out)["models"]
        listed = {
            member["account"] for model in models for ring in model["rings"] for member in (*ring["named"], *ring["likely"])
        }
        listed |= {account["account"] for model in models for account in model["named"]}
    elif contender == "isolation forest":
        listed = set(out.split())
    else:
        return None, 0
    return listed, sum(name.startswith("ring-") for name in listed)


def generate(log: Path, calibration: Path, exchanges: int, accounts: int) -> int:
    """Writes the log, and a calibration of other honest accounts; returns how many exchanges there are."""
    rng = np.random.default_rng(SEED)
    clients = load()
    scaler = StandardScaler().fit(clients.rows[:TRAINED])
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(clients.rows[:TRAINED]), clients.outcomes[:TRAINED])
    rows = clients.rows[TRAINED:]
    space = scaler.transform(rows)
    scores = model.predict_proba(space)
    batch = honest(rows, space, scores, CALIBRATING, exchanges // accounts, rng)
    calibration.write_bytes(Calibration.fit("credit", batch).to_bytes())
    sizes = rng.lognormal(0.0, 1.0, accounts)
    sizes = np.maximum(1, (sizes / sizes.sum() * exchanges).astype(np.int64))
    who = np.repeat(np.arange(accounts), sizes)
    chosen = np.concatenate([own(space, int(size), rng) for size in sizes.tolist()])
    began = rng.random(accounts) * DAYS * 0.8
    at = began[who] + rng.random(len(who)) * (DAYS - began[who])
    ring = searched(rows, rng)
    ring_scores = model.predict_proba(scaler.transform(ring))
    ring_at = RING_FROM + rng.random(len(ring)) * RING_DAYS
    names = [f"customer-{number}" for number in range(accounts)] + [f"ring-{number}" for number in range(RING)]
    whose = np.concatenate([who, accounts + np.repeat(np.arange(RING), RING_ROWS)])
    when = START + DAY_S * np.concatenate([at, ring_at])
    order = np.argsort(when)
    plain, answers = np.concatenate([rows[chosen], ring]), np.concatenate([scores[chosen], ring_scores]).round(6)
    with log.open("wb") as out:
        for number, place in enumerate(order.tolist()):
            out.write(line(number, names[int(whose[place])], float(when[place]), plain[place], answers[place]))
    return len(order)


def line(number: int, account: str, at: float, row: FloatArray, answer: FloatArray) -> bytes:
    """One exchange as the gateway logs it."""
    return orjson.dumps(
        {
            "moatkeeper": 1,
            "id": f"r{number:09d}",
            "at": at,
            "account": account,
            "key": f"key-{account}",
            "address": "198.51.100.7",
            "model": "credit",
            "inputs": {"kind": "numbers", "rows": 1, "values": [row]},
            "outputs": [{"name": "probabilities", "kind": "scores", "values": [answer]}],
            "room": 0.5,
        },
        option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE,
    )


def honest(
    rows: FloatArray, space: FloatArray, scores: FloatArray, accounts: int, mean: int, rng: np.random.Generator
) -> Batch:
    """Other accounts of the same kind, with about the same numbers of rows."""
    sizes = np.maximum(1, rng.lognormal(np.log(max(mean, 2) * 0.6), 1.0, accounts).astype(np.int64))
    chosen = np.concatenate([own(space, int(size), rng) for size in sizes.tolist()])
    began = np.repeat(rng.random(accounts) * DAYS * 0.8, sizes)
    at = START - DAYS * DAY_S + DAY_S * (began + rng.random(len(chosen)) * (DAYS - began))
    who = np.repeat(np.arange(accounts), sizes)
    order = np.argsort(at)
    names = tuple(f"past-{number}" for number in range(accounts))
    return Batch(names, who[order], at[order], np.arange(len(order)), rows[chosen[order]], scores=scores[chosen[order]])


def own(space: FloatArray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The rows that one account asks about: of its own part of the space, or of all of it."""
    if rng.random() > SPECIALISED:
        return rng.integers(len(space), size=count)
    near = np.argpartition(((space - space[rng.integers(len(space))]) ** 2).sum(axis=1), int(BREADTH * len(space)))
    return rng.choice(near[: int(BREADTH * len(space))], size=count)


def searched(rows: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The ring's rows: lines between two real rows, four steps each."""
    first, second = rows[rng.integers(len(rows), size=(2, RING * RING_ROWS // 4))]
    steps = np.linspace(0.35, 0.65, 4)[None, :, None]
    return (first[:, None] * (1 - steps) + second[:, None] * steps).reshape(-1, rows.shape[1])


if __name__ == "__main__":
    main()
