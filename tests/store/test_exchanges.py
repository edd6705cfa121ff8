"""The exchange log: bounded, private, readable after a kill."""

from __future__ import annotations

import resource
import signal
import stat
from pathlib import Path

import numpy as np
import orjson
import pytest

from moatkeeper.errors import StoreError
from moatkeeper.store.exchanges import FOLDER, ExchangeLog, exchanges_of, files
from tests.support.honest import exchange, honest_rows

DAY_S = 86_400.0
NOON = 1_767_614_400.0


def rows(count: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """So many rows of a customer."""
    return honest_rows(np.random.default_rng(1), count)


def test_what_was_asked_and_said_can_be_read_again(data: Path) -> None:
    log, asked = ExchangeLog(data), exchange("acme", rows(2), NOON)
    log.note(asked)
    log.note(exchange("other", rows(), NOON + 1))
    assert log.write(NOON) == 2
    (found,) = exchanges_of(data, "acme", 5)
    assert (found["account"], found["model"], found["at"]) == ("acme", "model", NOON)
    inputs, outputs = found["inputs"], found["outputs"]
    assert isinstance(inputs, dict)
    assert isinstance(outputs, list)
    assert inputs["rows"] == 2
    np.testing.assert_array_equal(inputs["values"], asked.query.inputs.numbers())
    np.testing.assert_array_equal(outputs[0]["values"], asked.answer.outputs[0].values)


def test_only_the_owner_may_read_it(data: Path) -> None:
    log = ExchangeLog(data)
    log.note(exchange("acme", rows()))
    log.write(NOON)
    (file,) = files(data / FOLDER)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((data / FOLDER).stat().st_mode) == 0o700


def test_a_new_file_begins_with_the_day_the_size_and_the_process(data: Path) -> None:
    log = ExchangeLog(data, file_bytes=1_000)
    for day in (0, 1):
        log.note(exchange("acme", rows(), NOON))
        log.write(NOON + day * DAY_S)
    assert len(files(data / FOLDER)) == 2
    for _ in range(20):
        log.note(exchange("acme", rows(), NOON))
    log.write(NOON + DAY_S)
    names = [file.name for file in files(data / FOLDER)]
    assert len(names) > 3
    again = ExchangeLog(data)
    again.note(exchange("acme", rows()))
    again.write(NOON + DAY_S)
    assert len(files(data / FOLDER)) == len(names) + 1
    assert names[0] == "exchanges-20260105-000001.jsonl"


def test_all_files_together_stay_bounded_and_the_oldest_go(data: Path) -> None:
    log = ExchangeLog(data, file_bytes=2_000, total_bytes=10_000)
    for number in range(200):
        log.note(exchange(f"account-{number}", rows(), NOON))
        log.write(NOON)
    assert sum(file.stat().st_size for file in files(data / FOLDER)) <= 11_000
    assert exchanges_of(data, "account-0", 1) == []
    assert len(exchanges_of(data, "account-199", 1)) == 1


def test_a_queue_that_is_full_loses_exchanges_and_counts_them(data: Path) -> None:
    log = ExchangeLog(data, queue_bytes=1_500)
    for _ in range(10):
        log.note(exchange("acme", rows()))
    written = log.write(NOON)
    assert written > 0
    assert log.lost == 10 - written
    log.note(exchange("acme", rows()))
    assert log.write(NOON) == 1


def test_a_disk_that_fails_loses_nothing(data: Path) -> None:
    log = ExchangeLog(data)
    data.mkdir(exist_ok=True)
    (data / FOLDER).write_text("in the way")
    log.note(exchange("acme", rows()))
    with pytest.raises(StoreError):
        log.write(NOON)
    (data / FOLDER).unlink()
    assert log.write(NOON) == 1


def test_a_line_that_a_kill_has_cut_is_passed_over(data: Path) -> None:
    log = ExchangeLog(data)
    for _ in range(2):
        log.note(exchange("acme", rows()))
    log.write(NOON)
    (file,) = files(data / FOLDER)
    file.write_bytes(file.read_bytes()[:-20])
    assert len(exchanges_of(data, "acme", 5)) == 1


def test_numbers_that_json_cannot_say_are_null(data: Path) -> None:
    broken = rows()
    broken[0, 0] = np.nan
    log = ExchangeLog(data)
    log.note(exchange("acme", broken))
    log.write(NOON)
    line = files(data / FOLDER)[0].read_bytes()
    assert orjson.loads(line)["inputs"]["values"][0][0] is None


def test_a_disk_that_takes_half_a_line_leaves_no_half_line(data: Path) -> None:
    log = ExchangeLog(data)
    log.note(exchange("acme", rows()))
    log.write(NOON)
    (file,) = files(data / FOLDER)
    before = file.read_bytes()
    log.note(exchange("acme", rows(), NOON + 1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
    try:
        with pytest.raises(StoreError):
            log.write(NOON)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert file.read_bytes() == before
    assert log.write(NOON) == 1
    assert len(exchanges_of(data, "acme", 5)) == 2
