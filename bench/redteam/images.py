"""What thefts of image classifiers bring, beside the published figures: MNIST and CIFAR-10, as far as one core reaches.

    python -m bench.redteam --only images

``measure`` gives the figures as plain values. Fidelity and accuracy are counted by the harness on images that no thief had.
Where ``images`` is foreign, the thief has only Tiny-ImageNet's; where it is his own, only images of the right population.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from bench.common import interval
from bench.redteam.image_victims import Case, cifar, mnist
from moatkeeper.redteam.harness import climb
from moatkeeper.redteam.judges import ClassJudge
from moatkeeper.redteam.registry import ROW_ATTACKS
from moatkeeper.redteam.trade import ROWS

SEEDS = (1,)


@dataclass(frozen=True, slots=True)
class Theft:
    """One attack to run: with which images, on what answers, at which budgets."""

    attack: str
    rungs: tuple[int, ...]
    foreign: bool = False
    labels_only: bool = False


MNIST = (
    Theft("random-pool", (100, 300, 1_000, 3_000)),
    Theft("random-pool", (1_000, 3_000), labels_only=True),
    Theft("knockoff", (1_000, 3_000), foreign=True),
    Theft("copycat", (3_000,), foreign=True, labels_only=True),
    Theft("activethief-kcenter", (1_000,)),
    Theft("activethief-dfal", (1_000,)),
    Theft("jbda", (1_000,)),
    Theft("jbda-tr", (1_000,)),
    Theft("semi-supervised", (100,)),
    Theft("data-free", (2_000,)),
)
CIFAR = (
    Theft("random-pool", (1_000, 3_000)),
    Theft("random-pool", (3_000,), labels_only=True),
    Theft("knockoff", (1_000, 3_000), foreign=True),
    Theft("copycat", (3_000,), foreign=True, labels_only=True),
)
QUICK = (
    Theft("random-pool", (100, 300)),
    Theft("knockoff", (300,), foreign=True),
    Theft("copycat", (300,), foreign=True, labels_only=True),
)

MAD = "Orekondy et al. 2020, table 1: accuracy of the copy after 50,000 queries, no defence"
MEBENCH = (
    "caumin/model-extraction-benchmark, MNIST LeNet: accuracy of the copy after 10,000 queries; at 1,000 nothing exceeds 0.335"
)
PUBLISHED: dict[str, dict[str, list[dict[str, object]]]] = {
    "mnist": {
        "random-pool": [{"figure": 0.9256, "queries": 10_000, "source": MEBENCH}],
        "knockoff": [
            {"figure": 0.990, "queries": 50_000, "source": MAD},
            {"figure": 0.9147, "queries": 10_000, "source": MEBENCH},
        ],
        "copycat": [{"figure": 0.9006, "queries": 10_000, "source": MEBENCH}],
        "activethief-kcenter": [{"figure": 0.9279, "queries": 10_000, "source": f"{MEBENCH} (DFAL and k-center)"}],
        "activethief-dfal": [{"figure": 0.9205, "queries": 10_000, "source": MEBENCH}],
        "jbda": [{"figure": 0.892, "queries": 50_000, "source": MAD}],
        "jbda-tr": [{"figure": 0.873, "queries": 50_000, "source": f"{MAD} (jbtop3, its nearest relative)"}],
        "data-free": [{"figure": 0.6336, "queries": 10_000, "source": f"{MEBENCH} (DFME)"}],
    },
    "cifar-10": {
        "knockoff": [{"figure": 0.787, "queries": 50_000, "source": MAD}],
    },
}


def measure(
    seeds: Sequence[int] = SEEDS, quick: bool = False, told: Callable[[dict[str, object]], None] = lambda row: None
) -> dict[str, object]:
    """Every theft's fidelity and accuracy with its interval over the seeds, beside what was published.

    ``told`` is given the last row of each theft as soon as it is measured.
    """
    torch.set_num_threads(1)
    sizes = {"train": 5_000, "pool": 2_000, "held_out": 1_000, "passes": 3} if quick else {
        "train": 30_000, "pool": 12_000, "held_out": 3_000, "passes": 4}  # fmt: skip
    cases = {
        "mnist": (mnist(**sizes), QUICK if quick else MNIST),
        "cifar-10": (cifar(pool=1_000 if quick else 6_000, held_out=500 if quick else 2_000), QUICK if quick else CIFAR),
    }
    found: dict[str, object] = {}
    for name, (case, thefts) in cases.items():
        judge = ClassJudge(ROWS, case.held_out, case.owner.ask(case.held_out), case.outcomes)
        right = float(np.mean(judge.truth.argmax(axis=1) == case.outcomes))
        rows: list[dict[str, object]] = []
        for theft in thefts:
            rows += _rows(name, case, judge, theft, seeds)
            told(rows[-1])
        found[name] = {"victim_accuracy": right, "constant_fidelity": judge.constant_fidelity(), "thefts": rows}
    return found


def _rows(name: str, case: Case, judge: ClassJudge[np.ndarray], theft: Theft, seeds: Sequence[int]) -> list[dict[str, object]]:
    knowledge, nothing = case.knowledge, np.empty((0, case.knowledge.columns))
    knowledge = replace(knowledge, pool=nothing) if theft.foreign else replace(knowledge, foreign=nothing)
    owner = case.owner.only_labels() if theft.labels_only else case.owner
    began = time.process_time()
    runs = [climb(ROW_ATTACKS[theft.attack].make(knowledge), owner, judge, ROWS, theft.rungs, seed) for seed in seeds]
    cpu_s = (time.process_time() - began) / len(seeds)
    return [
        {
            "attack": theft.attack,
            "images": "foreign" if theft.foreign else "own",
            "answers": "labels" if theft.labels_only else "scores",
            "queries": scores[0].queries,
            "fidelity": asdict(interval([score.fidelity for score in scores])),
            "accuracy": asdict(interval([score.figures["accuracy"] for score in scores])),
            "cpu_s_all_rungs": round(cpu_s, 1),
            "published": PUBLISHED[name].get(theft.attack, []),
        }
        for scores in zip(*runs, strict=True)
    ]
