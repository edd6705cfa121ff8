"""``moatkeeper explain`` through the front door."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from moatkeeper.cli.main import main
from moatkeeper.core.judgement import Standing
from moatkeeper.guard.ladder import Footing
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.registry import DETECTORS
from moatkeeper.patterns.watch import Watch
from moatkeeper.store.cases import StoredCases
from moatkeeper.store.exchanges import ExchangeLog
from moatkeeper.store.holds import Holds, Scope
from moatkeeper.store.proposals import Proposals
from moatkeeper.store.register import Register
from moatkeeper.store.standings import KEEPER, Standings
from tests.support.honest import exchange, honest_batch, thief_rows


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code, the output and the errors of one command."""
    with pytest.raises(SystemExit) as caught:
        main(["explain", *words])
    code = caught.value.code
    out = capsys.readouterr()
    return (code if isinstance(code, int) else 0), out.out, out.err


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which a thief was seen, restricted, and logged."""
    folder = tmp_path_factory.mktemp("explain") / "data"
    detectors = {name: DETECTORS[name] for name in ("low-margin", "near-duplicates")}
    calibration = Calibration.fit("model", honest_batch(300, 16, seed=1), detectors)
    (folder / "calibrations").mkdir(parents=True)
    (folder / "calibrations/model.calibration").write_bytes(calibration.to_bytes())
    asked = exchange("thief", thief_rows(np.random.default_rng(2), 20), 1_767_614_400.0)
    with StoredCases.open(folder) as cases:
        Watch({"model": calibration}).look([asked], cases)
    with Standings.open(folder) as standings, Holds.open(folder) as holds, Proposals.open(folder) as proposals:
        standings.set("thief", Standing.RESTRICTED, reason="pattern:low-margin", who=KEEPER, automatic=True)
        holds.allow(Scope.ACCOUNT, "licensed", 4e9, reason="licence")
        register = Register(folder, standings, holds, proposals, lambda move: None)
        register.keep("shadowed", Footing(Standing.WATCHED, 1_767_614_400.0, reason="pattern:low-margin"))
        register.close()
    log = ExchangeLog(folder)
    log.note(asked)
    log.write(1_767_614_400.0)
    return folder


def test_it_says_why_with_comparison_history_and_examples(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "thief", "--data", str(data))
    assert code == 0
    for words in (
        "thief: restricted",
        "low-margin",
        "decision boundary",
        "honest accounts",
        "pattern:low-margin",
        "(automatic)",
    ):
        assert words in out
    assert "2026-01-05T12:00:00+00:00" in out


def test_json_and_page(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "thief.html"
    _, out, _ = run(capsys, "thief", "--json", "--html", str(page), "--examples", "0", "--data", str(data))
    told = json.loads(out)
    assert told["models"][0]["signs"][0]["detector"] == "low-margin"
    assert told["examples"] == []
    assert "<svg" in page.read_text()
    assert run(capsys, "thief", "--html", str(tmp_path / "no/where.html"), "--data", str(data))[0] == 2


def test_what_is_pending_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Allowed until" in run(capsys, "licensed", "--data", str(data))[1]
    assert "In shadow mode it would be watched since 2026-01-05" in run(capsys, "shadowed", "--data", str(data))[1]
    assert "seen nothing of this account" in run(capsys, "nobody", "--data", str(data))[1]


def test_a_broken_calibration_and_a_folder_that_is_not_there_are_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/one.calibration").write_bytes(b"nonsense")
    config = tmp_path / "moatkeeper.toml"
    config.write_text(f'[patterns]\ncalibrations = "{tmp_path / "broken"}"\n')
    code, _, err = run(capsys, "thief", "--data", str(data), "--config", str(config))
    assert (code, "one.calibration" in err) == (3, True)
    assert run(capsys, "thief", "--data", str(tmp_path / "nowhere"))[0] == 4


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Example: moatkeeper explain" in run(capsys, "--help")[1]
