"""``moatkeeper calibrate``: from logs of any form to a file that judges, with its promise and its suspects said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from moatkeeper.cli.calibrate import learn
from moatkeeper.cli.main import main
from moatkeeper.hunt.hunt import Quarry, hunt
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.registry import HABITS
from moatkeeper.store.logs.own import encode
from tests.support.honest import exchange, honest_rows, model, thief_rows
from tests.support.hunting import customers, in_order
from tests.support.logs import write

ACCOUNTS, ROWS = 400, 32


class Done(NamedTuple):
    """What a run of the command left."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command with these words."""

    def running(*words: str) -> Done:
        with pytest.raises(SystemExit) as left:
            main(list(words))
        told = capsys.readouterr()
        return Done(int(str(left.value.code or 0)), told.out, told.err)

    return running


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shadow period of honest customers, and a few accounts of a thief."""
    file = tmp_path_factory.mktemp("log") / "exchanges.jsonl"
    rng = np.random.default_rng(1)
    lines = [encode(exchange(f"customer-{number}", honest_rows(rng, ROWS), at=60.0 * number)) for number in range(ACCOUNTS)]
    lines += [encode(exchange(f"thief-{number}", thief_rows(rng, ROWS), at=60.0 * number)) for number in range(4)]
    file.write_bytes(b"".join(lines))
    return file


def test_a_log_becomes_a_calibration_that_judges(run: Run, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "credit.calibration"
    done = run("calibrate", str(log), "--out", str(out))
    assert done.code == 0, done.err
    assert "404 honest accounts" in done.out
    assert "Too few accounts to name anybody" in done.out
    assert out.stat().st_mode & 0o077 == 0
    calibration = Calibration.from_bytes(out.read_bytes(), str(out))
    assert calibration.profile.model == "model"
    assert calibration.rows[-1] == ROWS


def test_suspects_are_named_and_left_out_only_when_asked(run: Run, log: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "a.calibration")
    kept = json.loads(run("calibrate", str(log), "--out", out, "--json").out)
    thieves = {one["account"] for one in kept["suspects"] if one["account"].startswith("thief-")}
    assert thieves
    assert kept["suspects_left_out"] is False
    assert kept["ranks_only"] is False
    careful = json.loads(run("calibrate", str(log), "--out", out, "--json", "--leave-out-suspects").out)
    assert careful["suspects_left_out"] is True
    assert careful["accounts"] == kept["accounts"] - len(careful["suspects"])
    by_name = json.loads(run("calibrate", str(log), "--out", out, "--json", "--leave-out", "thief-0").out)
    assert by_name["accounts"] == kept["accounts"] - 1


def test_a_table_with_named_columns_does_as_well(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    lines = ["who,when," + ",".join(f"f{number}" for number in range(6)) + ",p0,p1"]
    for number in range(120):
        rows = honest_rows(rng, 8)
        for place, (row, scores) in enumerate(zip(rows, model(rows), strict=True)):
            lines.append(f"c{number},{1_700_000_000 + place}," + ",".join(map(str, [*row, *scores])))
    table = tmp_path / "log.csv"
    table.write_text("\n".join(lines) + "\n")
    roles = "account=who,at=when,inputs=f0:f5,scores=p0:p1"
    done = run("calibrate", str(table), "--columns", roles, "--out", str(tmp_path / "x.calibration"), "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["accounts"] == 120
    assert "low-margin" in json.loads(done.out)["detectors"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.jsonl"], 2, "missing.jsonl"),
        (["LOG", "--model", "another"], 2, "found no exchange with the model 'another'"),
        (["LOG", "--format", "own", "--columns", "at=x"], 2, "expected one of them"),
        (["EMPTY"], 2, "expected"),
        (["FEW"], 3, "expected at least"),
    ],
)
def test_what_cannot_be_learned_from_is_said(
    run: Run, log: Path, tmp_path: Path, arguments: list[str], code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    empty, few = tmp_path / "empty.jsonl", tmp_path / "few.jsonl"
    empty.write_bytes(b"")
    few.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:3]))
    names = {"LOG": str(log), "EMPTY": str(empty), "FEW": str(few)}
    done = run("calibrate", *[names.get(one, one) for one in arguments])
    assert (done.code, words in done.err) == (code, True), done.err
    assert not list(tmp_path.glob("*.calibration"))


def test_a_place_that_cannot_be_written_is_said(run: Run, log: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("calibrate", str(log), "--out", str(tmp_path / "file" / "x.calibration"))
    assert done.code == 4
    assert "--out" in done.err


def test_the_same_log_gives_the_same_calibration(log: Path) -> None:
    assert learn([log]).calibration.to_bytes() == learn([log]).calibration.to_bytes()


def test_of_an_access_log_only_the_tempo_is_learned_and_a_clock_stands_out_in_it(tmp_path: Path) -> None:
    honest = customers(400, 0)
    learned = learn([write("nginx", honest, tmp_path)])
    assert set(learned.calibration.profile.detectors) == {"clockwork", "round-the-clock"} <= HABITS
    assert learned.calibration.history is None
    assert any("only when and how regularly" in told for told in learned.told)
    file = tmp_path / "tempo.calibration"
    file.write_bytes(learned.calibration.to_bytes())
    paced = [call._replace(account="paced-999", at=honest[0].at + 60.0 * beat) for beat, call in enumerate(honest[:64])]
    (found,) = hunt(Quarry((write("nginx", in_order(honest, paced), tmp_path),), calibration=file, workers=1)).models
    first, rest = found.ranked[0], found.ranked[1:]
    assert not found.named
    assert (first.account, first.signals[0].reading.detector) == ("address 10.0.0.1000", "clockwork")
    assert all(one.evidence < first.evidence for one in rest)
