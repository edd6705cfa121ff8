"""Where the benchmarks find real data that the product does not carry: a folder beside the repository, or one that is named."""

from __future__ import annotations

import os
from pathlib import Path

from bench.common import ROOT

VARIABLE = "MOATKEEPER_DATA_SETS"


def data_set(name: str) -> Path:
    """The path of a data set such as ``tabular/adult.csv.gz``; exits with a hint where it is missing."""
    folder = Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "data")
    path = folder / name
    if not path.is_file():
        raise SystemExit(
            f"the benchmark needs the data set {name}, which is not in {VARIABLE} or in shared/data beside the repository; "
            "bench/README.md says where each comes from"
        )
    return path
