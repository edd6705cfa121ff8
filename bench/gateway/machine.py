"""The machine while it is measured: which core does what, how much processor time a process took, who else was busy."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

QUIET_SHARE = 0.1  # of all cores: what others may take before the figures are called doubtful
LOOK_S = 1.0
NS_A_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Cores:
    """The proxy's core, and the core of model server and load generator. Equal on a machine with one."""

    proxy: int
    load: int

    @property
    def apart(self) -> bool:
        """Whether the proxy has a core to itself."""
        return self.proxy != self.load


def choose_cores() -> Cores:
    """The first two cores that this process may use."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return Cores(usable[0], usable[min(1, len(usable) - 1)])


def pin(core: int) -> None:
    """Keeps this process, and those that it starts from here on, on one core; does nothing where the system cannot."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def start(command: Sequence[str], core: int, home: int, **options: object) -> subprocess.Popen[bytes]:
    """A process on ``core``; the caller stays on ``home``."""
    pin(core)
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)  # type: ignore[call-overload,no-any-return]
    finally:
        pin(home)


def family(pid: int) -> list[psutil.Process]:
    """A process and all its descendants."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def cpu_s(pid: int) -> float:
    """Processor seconds that a process and its descendants have taken so far."""
    return sum(map(_own_cpu_s, family(pid)))


def _own_cpu_s(process: psutil.Process) -> float:
    """To the nanosecond where the system tells, else to the tick (a hundredth of a second, as long as many a block)."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    with suppress(OSError, ValueError, IndexError):
        running_ns = [int(thread.read_text().split()[0]) for thread in threads]
        if running_ns:
            return sum(running_ns) / NS_A_SECOND
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants."""
    total = 0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


class Others:
    """How many cores processes other than this one and its descendants have kept busy since the last look."""

    def __init__(self) -> None:
        self._mark()

    def cores(self) -> float:
        """Cores, on average since the last call or the beginning."""
        before = (self._at, self._busy, self._ours)
        self._mark()
        elapsed = self._at - before[0]
        return max(0.0, (self._busy - before[1] - (self._ours - before[2])) / elapsed) if elapsed > 0 else 0.0

    def _mark(self) -> None:
        times = psutil.cpu_times()
        self._at = time.monotonic()
        self._busy = sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
        self._ours = cpu_s(os.getpid())


def busy_share() -> float:
    """The share of all cores that is busy now, before the benchmark itself does anything."""
    return float(psutil.cpu_percent(LOOK_S)) / 100.0
