"""The demo through its front door: real processes, a real gateway, a small theft."""

from __future__ import annotations

import http.client
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support.commands import as_in_a_terminal

TIMEOUT_S = 120
MOATKEEPER = [sys.executable, "-m", "moatkeeper"]
SMALL = ["--budget", "120", "--repetitions", "1"]


@dataclass
class Kept:
    """A demo that has printed everything and keeps its servers running."""

    process: subprocess.Popen[str]
    text: str
    figures: Path
    out: Path

    def servers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    out = tmp_path_factory.mktemp("demo")
    figures = out / "figures.json"
    words = [*MOATKEEPER, "demo", "--keep", "--json", str(figures), "--out", str(out), *SMALL]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=as_in_a_terminal
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Ctrl-C"):
                    break
            yield Kept(process, "".join(lines), figures, out)
        finally:
            process.terminate()


def figures_of(kept: Kept, part: str) -> dict[str, float]:
    figures = json.loads(kept.figures.read_text())[part]
    assert isinstance(figures, dict)
    return figures


def pasted(kept: Kept, heading: str, rows: int = 1) -> tuple[int, str]:
    """Status and body that the command printed under a heading gets, its one row sent ``rows`` times."""
    words = shlex.split(kept.text.split(heading)[1].splitlines()[1])
    assert words[0] == "curl"
    address = urlsplit(next(word for word in words if word.startswith("http")))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    body = json.loads(words[words.index("-d") + 1])
    connection = http.client.HTTPConnection(address.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("POST", address.path, json.dumps({"instances": body["instances"] * rows}), headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def alive(servers: list[psutil.Process]) -> list[psutil.Process]:
    return [server for server in servers if server.is_running() and server.status() != psutil.STATUS_ZOMBIE]


def test_honest_customers_notice_no_changed_decision_and_no_refusal(kept: Kept) -> None:
    honest = figures_of(kept, "honest")
    assert (honest["labels_changed"], honest["refused"]) == (0, 0)
    assert honest["rows"] == honest["answered"] == 2_695
    assert 0 < honest["mean_difference"] < 0.01


def test_the_figures_show_a_theft_that_works_bare_and_is_cut_short_by_a_free_accounts_limit(kept: Kept) -> None:
    constant = figures_of(kept, "without_api")["constant_fidelity"]
    bare, guarded = figures_of(kept, "bare"), figures_of(kept, "guarded")
    assert (bare["queries"], guarded["queries"]) == (120, 100)
    assert constant < guarded["fidelity"] <= 1
    assert constant < bare["fidelity"] <= 1


def test_the_ladder_names_every_thief_and_every_rung(kept: Kept) -> None:
    figures = json.loads(kept.figures.read_text())
    assert figures["queries"] == 120
    assert figures["rungs"] == [50, 100, 120]
    thieves = figures["guarded"]["thieves"]
    assert list(thieves) == ["one_free_account", "free_account_farm", "one_enterprise_account", "one_labels_account"]
    for thief in (figures["bare"], *thieves.values()):
        assert [rung["budget"] for rung in thief["ladder"]] == [50, 100, 120]
    assert [rung["repetitions"][0]["unanswered"] for rung in figures["guarded"]["ladder"]] == [0, 0, 20]
    assert thieves["free_account_farm"]["queries"] == 120


def test_equation_solving_copies_the_linear_model_exactly_from_exact_answers_only(kept: Kept) -> None:
    linear = json.loads(kept.figures.read_text())["linear"]
    exact, rounded = (linear[leg]["ladder"][0]["repetitions"][0] for leg in ("bare", "guarded"))
    assert exact["budget"] == rounded["budget"] == 24
    assert exact["fidelity"] == 1.0
    assert exact["total_variation"] < 1e-9 < rounded["total_variation"]


def test_the_text_says_what_was_measured_and_what_it_does_not_stop(kept: Kept) -> None:
    copy = f"{figures_of(kept, 'bare')['fidelity']:.3f}"
    for words in ("THEFT", "HONEST CUSTOMERS", "WHAT THIS DOES NOT STOP", copy):
        assert words in kept.text


def test_the_picture_is_a_png(kept: Kept) -> None:
    assert (kept.out / "theft.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_the_printed_commands_work_as_printed(kept: Kept) -> None:
    bare = pasted(kept, "every digit:")
    free = pasted(kept, "free account's key:")
    labels = pasted(kept, "decisions only:")
    assert (bare[0], free[0], labels[0]) == (200, 200, 200)
    assert json.loads(labels[1])["predictions"][0] in ([0.0, 1.0], [1.0, 0.0])
    exact, rounded = (json.loads(text)["predictions"][0] for _, text in (bare, free))
    assert rounded == [round(score, 2) for score in exact] != exact
    assert pasted(kept, "free account's key:", rows=100)[0] == 429


def test_the_ledger_that_the_gateway_kept_verifies(kept: Kept) -> None:
    words = [*MOATKEEPER, "ledger", "verify", "--data", str(kept.out / "data")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ctrl_c_ends_a_kept_demo_well_and_leaves_no_server_behind(kept: Kept) -> None:
    servers = kept.servers()
    assert len(servers) >= 2
    kept.process.send_signal(signal.SIGINT)
    _, progress = kept.process.communicate(timeout=TIMEOUT_S)
    assert kept.process.returncode == 0
    assert progress == "stopping both servers\n", "progress is for terminals only"
    assert not alive(servers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_server_behind(tmp_path: Path, number: signal.Signals) -> None:
    words = [*MOATKEEPER, "demo", "--out", str(tmp_path)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=as_in_a_terminal
    ) as process:
        while not (tmp_path / "gateway.log").exists() and process.poll() is None:
            pass
        servers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert servers
    assert not alive(servers)


def test_without_its_extra_the_demo_names_what_to_install() -> None:
    program = "import sys; sys.modules['sklearn'] = None; from moatkeeper.cli.main import main; main(['demo'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 3
    assert "scikit-learn" in done.stderr
    assert "moatkeeper[demo]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["--seed", "-1"], ["--budget", "10"], ["--repetitions", "0"], ["--what"]])
def test_wrong_usage_exits_with_2(words: list[str]) -> None:
    done = subprocess.run([*MOATKEEPER, "demo", *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 2


def test_a_folder_that_cannot_be_made_is_named_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = [*MOATKEEPER, "demo", "--out", str(tmp_path / "file" / "out")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 2
    assert str(tmp_path / "file" / "out") in done.stderr
