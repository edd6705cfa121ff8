"""What all benchmarks share: what they ran on, intervals over seeds, and the file that they leave."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"

T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Student's t at 97.5 % by the number of values, for two-sided 95 % intervals of a mean."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds and its 95 % interval by Student's t; the interval is the mean itself for a single value."""

    mean: float
    low: float
    high: float
    values: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.high - self.mean:.3f}"


def interval(values: Sequence[float]) -> Interval:
    """The mean of 1 to 10 values with its 95 % interval."""
    mean = float(np.mean(values))
    half = 0.0 if len(values) == 1 else T_95[len(values)] * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return Interval(mean, mean - half, mean + half, len(values))


def machine(*packages: str) -> dict[str, object]:
    """What a figure depends on beside the code: processor, cores, Python, versions and commit; no host name, no paths."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("numpy", *packages)},
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted": bool(_git("status", "--porcelain", "--untracked-files=no", "--", "src", "bench/*.py")),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def write_result(name: str, figures: Mapping[str, object], *, seeds: Sequence[int], packages: Sequence[str] = ()) -> Path:
    """Writes ``bench/results/NAME.json``: the machine, the seeds, the figures."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {"benchmark": name, "machine": machine(*packages), "seeds": list(seeds), **figures}
    path.write_text(json.dumps(document, indent=1, default=_plain) + "\n")
    return path


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
