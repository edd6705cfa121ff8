"""Appends as fast as it can and prints what is acknowledged, until it is killed: a program for test_ledger_kill.

For each line that it reads, the name of a writer, it forks a process that appends under that name and prints ``pid N``,
then the numbers that the disk has; once that process is gone it prints ``gone``. Forking spares twenty slow starts.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

from moatkeeper.store.ledger import Ledger

WAITING = 200
"""Records that gather before the program waits for the disk: some batches are cut by the kill, some are not."""


def say(line: str) -> None:
    """One line in one system call: ``print`` takes two where PYTHONUNBUFFERED is set, and a kill may fall between them."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def append(data: Path, writer: str, count: int) -> None:
    """Appends ``count`` records (0: without end); a line of output says up to which number the disk has them."""
    with Ledger.open(data, flush_s=0.002, queue_limit=2_000) as ledger:
        told = ledger.written
        for number in itertools.count(1) if count == 0 else range(1, count + 1):
            ledger.append("query", float(number), {"account": writer, "number": number})
            if ledger.depth > WAITING:
                ledger.flush()
            if ledger.written > told:
                told = ledger.written
                say(str(told))


def main(data: Path, count: int) -> None:
    """Forks one writer after the other, as standard input asks for them."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            say(f"pid {os.getpid()}")
            append(data, line.strip(), count)
            os._exit(0)
        os.waitpid(child, 0)
        say("gone")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
