"""Kills and neighbours: what was acknowledged is there, and the chain verifies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from moatkeeper.store.ledger_read import entries, verify

PROGRAM = Path(__file__).with_name("append_until_killed.py")
KILLS = 20
LONGEST_DELAY_S = 0.01
"""Some batches: the kill falls into gathering, hashing, writing or waiting for the disk."""
RECORDS = 3_000


def start(data: Path, count: int = 0) -> subprocess.Popen[str]:
    """A program that appends ``count`` records for each writer named on its input, or without end."""
    command = [sys.executable, str(PROGRAM), str(data), str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def kill_after(process: subprocess.Popen[str], writer: str, acknowledgements: int, delay_s: float) -> int:
    """The last number that ``writer`` printed before it was killed, ``delay_s`` after so many acknowledgements."""
    assert process.stdin is not None
    assert process.stdout is not None
    print(writer, file=process.stdin, flush=True)
    _, pid = process.stdout.readline().split()
    told = [process.stdout.readline() for _ in range(acknowledgements)]
    time.sleep(delay_s)
    os.kill(int(pid), signal.SIGKILL)
    told += iter(process.stdout.readline, "gone\n")
    return int(told[-1])


def test_twenty_kills_lose_nothing_that_was_acknowledged_and_leave_a_chain_that_verifies(data: Path) -> None:
    chance = random.Random(20)
    with start(data) as process:
        for kill in range(KILLS):
            acknowledged = kill_after(process, f"writer-{kill}", chance.randrange(1, 12), chance.uniform(0, LONGEST_DELAY_S))
            summary = verify(data)
            assert summary.head.seq == summary.count >= acknowledged
        process.communicate(timeout=60)
    numbers = defaultdict(list)
    for entry in entries(data, kind="query"):
        numbers[entry.fields["account"]].append(entry.fields["number"])
    # Of each killed process the ledger has the beginning, without a hole and in its order.
    assert len(numbers) == KILLS
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_processes_that_append_at_once_make_one_chain_that_holds_all_of_each(data: Path) -> None:
    writers = [f"writer-{number}" for number in range(3)]
    with ExitStack() as stack:
        processes = [stack.enter_context(start(data, RECORDS)) for _ in writers]
        for process, writer in zip(processes, writers, strict=True):
            assert process.stdin is not None
            print(writer, file=process.stdin, flush=True)
        for process in processes:
            process.communicate(timeout=60)
            assert process.returncode == 0
    assert verify(data).count == len(writers) * RECORDS
    for writer in writers:
        assert [entry.fields["number"] for entry in entries(data, account=writer)] == list(range(1, RECORDS + 1))
