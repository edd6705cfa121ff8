"""What sketches cost, how far they are from the truth, and what the index of near-duplicates finds on real tables.

    python -m bench.sketches

Costs are processor time per row, medians over rounds in which the contenders take turns. Peers are what one would write
without a sketch: Python sets and lists, ``numpy.add.at`` on the state's own shape, and an inverted index in a dictionary.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import process_time_ns

import numpy as np
import numpy.typing as npt

from bench.common import write_result
from bench.sketches_index import SEEDS, found_on_tables
from moatkeeper.sketch.base import Sketch
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.counts import Counts
from moatkeeper.sketch.fourier import Fourier
from moatkeeper.sketch.hours import Hours
from moatkeeper.sketch.moments import Moments
from moatkeeper.sketch.neighbours import Neighbours
from moatkeeper.sketch.packing import pack
from moatkeeper.sketch.quantiles import Quantiles
from moatkeeper.sketch.registers import Registers
from moatkeeper.sketch.rhythm import Rhythm
from moatkeeper.sketch.scatter import pieces, scatter_rows
from moatkeeper.sketch.signatures import FRAGMENT, resemblance, text_signatures
from moatkeeper.sketch.sums import Sums

SEED = 20_261_125
ROUNDS = 7
SMALL, LARGE = 64, 100_000  # rows of a batch
OWNERS = {SMALL: 8, LARGE: 1_000}
REPEATS = {SMALL: 50, LARGE: 1}
HASHES = 2**62
TABLES, LEAST, REMEMBERED = 8, 2, 100_000
TEXTS = 2_000
WIDTH = 128

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contender:
    """A sketch with marks for it, and what one would write without it."""

    sketch: Sketch
    marks: Callable[[np.random.Generator, int], npt.NDArray[np.generic]]
    peer: str = ""
    without: Callable[[Ints, npt.NDArray[np.generic], int], object] | None = field(default=None)


def _add_at(width: int) -> Callable[[Ints, npt.NDArray[np.generic], int], object]:
    def fold(owners: Ints, marks: npt.NDArray[np.generic], count: int) -> object:
        state = np.zeros((count, width), dtype=np.int64)
        np.add.at(state, owners, np.rint(np.asarray(marks, dtype=np.float64) * 2.0**20).astype(np.int64))
        return state

    return fold


def _tally_at(owners: Ints, marks: npt.NDArray[np.generic], count: int) -> object:
    state = np.zeros((count, WIDTH), dtype=np.int32)
    np.add.at(state, (owners, np.asarray(marks)[:, 0]), 1)
    return state


def _sets(owners: Ints, marks: npt.NDArray[np.generic], count: int) -> object:
    kept: defaultdict[int, set[int]] = defaultdict(set)
    for owner, mark in zip(owners.tolist(), np.asarray(marks)[:, 0].tolist(), strict=True):
        kept[owner].add(mark)
    return {owner: len(one) for owner, one in kept.items()}


def _lists(owners: Ints, marks: npt.NDArray[np.generic], count: int) -> object:
    kept: defaultdict[int, list[float]] = defaultdict(list)
    for owner, mark in zip(owners.tolist(), np.asarray(marks)[:, 0].tolist(), strict=True):
        kept[owner].append(mark)
    return kept


CONTENDERS: Mapping[str, Contender] = {
    "counts of 128": Contender(Counts(WIDTH), lambda rng, n: rng.integers(0, WIDTH, (n, 1)), "numpy.add.at", _tally_at),
    "sums of 8": Contender(Sums(8), lambda rng, n: rng.normal(size=(n, 8)), "numpy.add.at", _add_at(8)),
    "sums of 64": Contender(Sums(64), lambda rng, n: rng.normal(size=(n, 64)), "numpy.add.at", _add_at(64)),
    "moments of 8": Contender(Moments(8), lambda rng, n: rng.normal(size=(n, 8))),
    "6 bitmaps of 2048": Contender(Bits(6, 2_048), lambda rng, n: rng.integers(0, HASHES, (n, 6))),
    "distinct, 1 KB": Contender(Registers(10), lambda rng, n: rng.integers(0, HASHES, (n, 1)), "Python sets", _sets),
    "quantiles at 5%": Contender(Quantiles(1e-3, 1e6), lambda rng, n: rng.lognormal(2, 3, (n, 1)), "Python lists", _lists),
    "Fourier, 64 of 24": Contender(
        Fourier.drawn(24, 64, (2.0, 6.0), np.random.default_rng(SEED)), lambda rng, n: rng.normal(size=(n, 24))
    ),
    "hours of the week": Contender(Hours(), lambda rng, n: rng.uniform(1.7e9, 1.8e9, (n, 1))),
    "10 rhythms": Contender(Rhythm(), lambda rng, n: rng.uniform(1.7e9, 1.8e9, (n, 1))),
}


def main() -> None:
    """Measures, prints, and writes bench/results/sketches.json."""
    figures = {
        "unit": "microseconds of processor time a row, medians over rounds",
        "folds": _folds(),
        "ways_to_add": _ways_to_add(),
        "texts": _texts(),
        "index": _index(),
        "errors": _errors(),
        "near_duplicates": found_on_tables(),
    }
    path = write_result("sketches", figures, seeds=[SEED, *SEEDS], packages=["pandas"])
    print(f"written: {path.name}")


def _cpu_us(call: Callable[[], object], rows: int, repeats: int = 1) -> float:
    begun = process_time_ns()
    for _ in range(repeats):
        call()
    return (process_time_ns() - begun) / 1_000 / rows / repeats


def _folds() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for name, one in CONTENDERS.items():
        costs: dict[str, list[float]] = defaultdict(list)
        for size in (SMALL, LARGE):
            rng = np.random.default_rng(SEED)
            marks, owners, count = one.marks(rng, size), rng.integers(0, OWNERS[size], size), OWNERS[size]
            state = one.sketch.empty(count)
            for _ in range(ROUNDS):
                costs[f"{size}"].append(_cpu_us(partial(one.sketch.fold, state, owners, marks), size, REPEATS[size]))
                if one.without is not None:
                    costs[f"peer_{size}"].append(_cpu_us(partial(one.without, owners, marks, count), size, REPEATS[size]))
        few = one.sketch.empty(1)
        one.sketch.fold(few, np.zeros(4, dtype=np.int64), one.marks(np.random.default_rng(SEED), 4))
        found[name] = {
            **{size: float(np.median(each)) for size, each in costs.items()},
            "bytes": one.sketch.empty(1).nbytes,
            "packed_bytes_after_4_rows": len(pack({name: few})),
            "peer": one.peer,
        }
        beside = f"; {one.peer} {found[name]['peer_64']:.2f}, {found[name]['peer_100000']:.3f}" if one.peer else ""
        print(f"{name:20} {found[name]['64']:.2f} us in batches of 64, {found[name]['100000']:.3f} of 100,000{beside}")
    return found


def _sorted(owners: Ints, values: Ints, state: Ints) -> None:
    order = np.argsort(owners, kind="stable")
    ordered = owners[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    state[ordered[starts]] += np.add.reduceat(values[order], starts, axis=0)


def _ways_to_add() -> dict[str, dict[str, float]]:
    """Whole rows of numbers into their owners' states: in pieces on a flat view, on the state's own shape, sorted by owner."""
    rng = np.random.default_rng(SEED)
    found: dict[str, dict[str, float]] = {}
    for size, owners_of in ((SMALL, (1, 8, 64)), (LARGE, (1_000, 30_000))):
        for count in owners_of:
            for width in (1, 8, 64, 256):
                owners, values = rng.integers(0, count, size), rng.integers(-1_000, 1_000, (size, width))
                state = np.zeros((count, width), dtype=np.int64)
                ways = {
                    "flat": partial(_flat, owners, values, state),
                    "own_shape": partial(np.add.at, state, owners, values),
                    "sorted": partial(_sorted, owners, values, state),
                }
                costs: dict[str, list[float]] = defaultdict(list)
                for _ in range(ROUNDS):
                    for way, call in ways.items():
                        costs[way].append(_cpu_us(call, size, REPEATS[size]))
                name = f"{size} rows of {width} for {count} owners"
                found[name] = {way: float(np.median(each)) for way, each in costs.items()}
                print(f"adding {name}: " + ", ".join(f"{way} {cost:.3f}" for way, cost in found[name].items()))
    return found


def _flat(owners: Ints, values: Ints, state: Ints) -> None:
    for piece in pieces(len(values), state.shape[1]):
        scatter_rows(np.add, state, owners[piece], values[piece])


def _sentences(rng: np.random.Generator, count: int) -> list[str]:
    words = np.array([f"word{number}" for number in range(3_000)])
    return [" ".join(words[rng.integers(0, len(words), 20)]) for _ in range(count)]


def _fragments(text: str) -> set[bytes]:
    raw = text.lower().encode()
    return {raw[place : place + FRAGMENT] for place in range(len(raw))}


def _texts() -> dict[str, float]:
    """Signatures of texts against sets of their fragments: time, and the error of the similarity."""
    rng = np.random.default_rng(SEED)
    texts = _sentences(rng, TEXTS)
    varied = [" ".join([*text.split()[: int(rng.integers(0, 20))], "other", *_sentences(rng, 1)]) for text in texts]
    sketched = float(np.median([_cpu_us(lambda: text_signatures(texts, WIDTH), TEXTS) for _ in range(ROUNDS)]))
    plain = float(np.median([_cpu_us(lambda: [_fragments(text) for text in texts], TEXTS) for _ in range(ROUNDS)]))
    read = resemblance(text_signatures(texts, WIDTH), text_signatures(varied, WIDTH))
    sets = [(_fragments(one), _fragments(other)) for one, other in zip(texts, varied, strict=True)]
    truth = np.array([len(one & other) / len(one | other) for one, other in sets])
    size = float(np.mean([len(text) for text in texts]))
    print(f"signatures           {sketched:.2f} us a text of {size:.0f} characters; Python sets {plain:.2f}")
    return {
        "characters": size,
        "signature_us": sketched,
        "python_sets_us": plain,
        "bias": float(np.mean(read - truth)),
        "rmse": float(np.sqrt(np.mean((read - truth) ** 2))),
    }


class _Inverted:
    """The plain index: every row of every bucket, in a dictionary that grows for ever."""

    def __init__(self) -> None:
        self.buckets: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.taken = 0

    def meet(self, hashes: Ints, owners: Ints) -> list[int]:
        others = []
        for row, owner in zip(hashes.tolist(), owners.tolist(), strict=True):
            shared: Counter[tuple[int, int]] = Counter()
            for table, value in enumerate(row):
                bucket = self.buckets.setdefault((table, value), [])
                shared.update(bucket)
                bucket.append((self.taken, owner))
            others.append(len({who for (_, who), tables in shared.items() if tables >= LEAST and who != owner}))
            self.taken += 1
        return others


def _all(meet: Callable[[Ints, Ints], object], hashes: Ints, owners: Ints) -> None:
    for one, whose in zip(hashes, owners, strict=True):
        meet(one, whose)


def _index() -> dict[str, object]:
    """Microseconds a row when all is new, when a tenth is near-duplicates, and when all rows share five tables."""
    rng = np.random.default_rng(SEED)
    found: dict[str, object] = {}
    for size in (SMALL, 1_024, 16_384):
        for alike in (0.0, 0.1, 1.0):
            index, plain = Neighbours(TABLES, REMEMBERED, LEAST, SEED), _Inverted()
            index.meet(rng.integers(0, HASHES, (REMEMBERED, TABLES)), rng.integers(0, HASHES, REMEMBERED))
            costs: dict[str, list[float]] = defaultdict(list)
            for _ in range(ROUNDS):
                batches = max(1, 2_048 // size)
                hashes = rng.integers(0, HASHES, (batches, size, TABLES))
                near = rng.random((batches, size)) < alike
                hashes[near, :5] = rng.integers(0, 50, np.count_nonzero(near))[:, None] if alike < 1 else 7
                owners = rng.integers(0, HASHES, (batches, size))
                cost = _cpu_us(partial(_all, index.meet, hashes, owners), size * batches)
                costs["us"].append(cost)
                if alike < 1 and size == 1_024:
                    cost = _cpu_us(partial(_all, plain.meet, hashes, owners), size * batches)
                    costs["dictionary_us"].append(cost)
            name = f"{alike:.0%} alike, batches of {size}"
            found[name] = {key: float(np.median(each)) for key, each in costs.items()}
            print(f"index, {name:28} {found[name]}")
    return {**found, "bytes": index.nbytes, "remembered_rows": REMEMBERED, "tables": TABLES}


def _errors() -> dict[str, object]:
    """How far what is read lies from the truth, over owners."""
    rng = np.random.default_rng(SEED)
    found: dict[str, object] = {}
    registers = Registers(10)
    for distinct in (10, 1_000, 100_000):
        owners = max(20, 200_000 // distinct)
        state = registers.empty(owners)
        for owner in range(owners):
            registers.fold(state, np.full(distinct, owner), rng.integers(0, HASHES, (distinct, 1)))
        error = registers.distinct(state) / distinct - 1
        found[f"distinct, {distinct}"] = {"bias": float(error.mean()), "rmse": float(np.sqrt(np.mean(error**2)))}
    quantiles, values = Quantiles(1e-3, 1e6), rng.lognormal(2, 2, (10_000, 1))
    state = quantiles.empty(1)
    quantiles.fold(state, np.zeros(len(values), dtype=np.int64), values)
    shares = np.linspace(0, 1, 101)
    truth = np.quantile(values, shares, method="lower")
    read = np.array([quantiles.value(state, share)[0] for share in shares])
    found["quantiles, 5% stated"] = {"largest": float(np.max(np.abs(read / truth - 1)))}
    found["MMD^2, 64 features"] = _mmd_error(rng)
    for name, figures in found.items():
        print(f"error, {name}: {figures}")
    return found


def _mmd_error(rng: np.random.Generator) -> dict[str, float]:
    """Unbiased MMD^2 from 64 features against all pairs: 200 accounts of 50 points each, shifted by up to 1.5."""
    scales, width = (2.0, 6.0), 8
    sketch = Fourier.drawn(width, 64, scales, rng)
    reference = rng.normal(size=(500, width))
    accounts = rng.normal(size=(200, 50, width)) + np.linspace(0, 1.5, 200)[:, None, None]
    state, other = sketch.empty(200), sketch.empty(1)
    sketch.fold(state, np.repeat(np.arange(200), 50), accounts.reshape(-1, width))
    sketch.fold(other, np.zeros(500, dtype=np.int64), reference)
    read = sketch.distance(state, other)
    beyond = (_kernel(reference, reference, scales).sum() - 500) / (500 * 499)
    truth = np.array(
        [
            (_kernel(one, one, scales).sum() - 50) / (50 * 49) + beyond - 2 * _kernel(one, reference, scales).mean()
            for one in accounts
        ]
    )
    return {"rmse": float(np.sqrt(np.mean((read - truth) ** 2))), "correlation": float(np.corrcoef(read, truth)[0, 1])}


def _kernel(first: Floats, second: Floats, scales: tuple[float, ...]) -> Floats:
    squares = ((first[:, None] - second[None]) ** 2).sum(axis=2)
    return np.asarray(np.mean([np.exp(-squares / (2 * scale**2)) for scale in scales], axis=0))


if __name__ == "__main__":
    main()
