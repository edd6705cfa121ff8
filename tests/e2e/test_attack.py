"""Real thefts from the shell: a function, a file, a model behind the real gateway; a kill loses nothing bought."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Prefix
from moatkeeper.redteam.client import Client
from moatkeeper.redteam.datasets import builtin
from moatkeeper.redteam.dialects import Wire
from moatkeeper.redteam.dialects_openai import chat_dialect, token_dialect
from moatkeeper.redteam.dialects_rows import row_dialect, text_dialect
from moatkeeper.store.keys import Keys
from tests.support.commands import as_in_a_terminal, moatkeeper
from tests.support.kserve_server import KServeServer, probabilities
from tests.support.openai_server import WORDS, OpenAIServer
from tests.support.predictions import predicting
from tests.support.servers import gateway, serving

ROOT = Path(__file__).resolve().parents[2]
BRIGHTEST = 16.0
LIMITED = """
[limits]
mode = "enforce"

[[tiers.default.limits]]
scope = "account"
unit = "rows"
amount = 100
per = "hour"
"""


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """The thief's digits and the judge's in one file, without outcomes."""
    parts = builtin("digits")
    np.save(tmp_path / "pool.npy", np.vstack([parts.pool.rows, parts.held_out.rows]))
    return tmp_path / "pool.npy"


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    """A softmax regression of digits."""
    training = builtin("digits").training
    return LogisticRegression(max_iter=1_000).fit(training.rows, training.outcomes)


def curve(path: Path) -> Mapping[str, object]:
    """The one curve of some findings."""
    (found,) = json.loads(path.read_text())["curves"]
    return cast(Mapping[str, object], found)


def fidelity(path: Path) -> float:
    """On the highest rung, the mean over seeds."""
    return cast(Mapping[str, float], curve(path)["fidelity"])["mean"]


def test_the_digits_of_the_example_are_copied_with_65_queries(tmp_path: Path) -> None:
    victim = f"{ROOT / 'examples/digits_victim.py'}:predict"
    found = tmp_path / "f.json"
    words = ["equations", "--victim", victim, "--pool", "builtin:digits", "--budget", "65", "--rungs", "20", "--seeds", "2"]
    moatkeeper("attack", "run", *words, "--json", found)
    assert fidelity(found) >= 0.999


def test_65_labels_are_not_65_probabilities(tmp_path: Path, pool: Path) -> None:
    victim = f"{ROOT / 'examples/digits_victim.py'}:predict"
    words: list[str | Path] = [
        "equations",
        "--victim",
        victim,
        "--pool",
        pool,
        "--budget",
        "65",
        "--rungs",
        "65",
        "--seeds",
        "1",
    ]
    moatkeeper("attack", "run", *words, "--labels-only", "--json", tmp_path / "labels.json")
    assert fidelity(tmp_path / "labels.json") < 0.95


def test_a_model_file_is_copied_too(tmp_path: Path, pool: Path, model: LogisticRegression) -> None:
    skops.io.dump(model, tmp_path / "m.skops")
    words: list[str | Path] = ["equations", "--victim", tmp_path / "m.skops", "--pool", pool, "--budget", "90", "--rungs", "90"]
    moatkeeper("attack", "run", *words, "--seeds", "1", "--json", tmp_path / "f.json")
    assert fidelity(tmp_path / "f.json") > 0.9


def test_a_theft_through_the_real_gateway_ends_at_its_limits_and_goes_on_with_more_accounts(
    tmp_path: Path,
) -> None:
    training = builtin("wine").training
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(training.rows, training.outcomes)

    def answering(rows: FloatArray, key: str) -> FloatArray:
        scores: FloatArray = model.predict_proba(rows)
        return scores

    skops.io.dump(model, tmp_path / "m.skops")
    with predicting(answering) as upstream, gateway(upstream, tmp_path / "gateway", config=LIMITED) as guarded:
        with Keys.open(guarded.data) as store:
            keys = [store.add(f"thief-{number}", tier="default").plaintext for number in range(3)]
        (tmp_path / "one").write_text(keys[0])
        (tmp_path / "all").write_text("\n".join(keys))
        words: list[str | Path] = ["equations", "--victim", guarded.url, "--model", "wine", "--truth", tmp_path / "m.skops"]
        words += ["--pool", "builtin:wine", "--budget", "250", "--rungs", "250", "--seeds", "1"]
        moatkeeper(
            "attack", "run", *words, "--key-file", tmp_path / "one", "--json", tmp_path / "1.json", "--journal", tmp_path / "j"
        )
        moatkeeper(
            "attack", "run", *words, "--key-file", tmp_path / "all", "--json", tmp_path / "3.json", "--resume", tmp_path / "j"
        )
    for name, queries, accounts in (("1.json", 100, 1), ("3.json", 250, 3)):
        (scores,) = cast(list[list[Mapping[str, object]]], curve(tmp_path / name)["scores"])
        assert scores[-1]["queries"] == queries, name
        spent = cast(Mapping[str, int], scores[-1]["spent"])
        assert spent["refused"] >= 1
        assert spent["accounts"] == accounts
    assert not any(key in path.read_text(errors="replace") for key in keys for path in (tmp_path / "3.json", tmp_path / "j"))


def test_a_kill_loses_no_more_than_the_request_that_was_on_its_way(
    tmp_path: Path, pool: Path, model: LogisticRegression
) -> None:
    seen: list[bytes] = []
    enough = threading.Event()

    def answering(rows: FloatArray, key: str) -> FloatArray:
        seen.extend(row.tobytes() for row in rows)
        if len(seen) >= 150:
            enough.set()
            time.sleep(0.3)
        scores: FloatArray = model.predict_proba(rows)
        return scores

    skops.io.dump(model, tmp_path / "m.skops")
    with predicting(answering) as url:
        words = ["attack", "run", "equations", "--victim", url, "--truth", str(tmp_path / "m.skops")]
        words += ["--pool", str(pool), "--budget", "400", "--rungs", "400", "--seeds", "1"]
        command = [sys.executable, "-m", "moatkeeper", *words, "--journal", str(tmp_path / "j")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        assert enough.wait(60)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        time.sleep(0.4)
        moatkeeper(*words, "--resume", tmp_path / "j", "--json", tmp_path / "f.json")
    assert len(set(seen)) == 400
    assert len(seen) - len(set(seen)) <= 50, "one request of fifty rows was answered to a dead process"
    assert fidelity(tmp_path / "f.json") > 0.99


def test_ctrl_c_ends_a_running_theft_with_a_report(tmp_path: Path, pool: Path, model: LogisticRegression) -> None:
    begun = threading.Event()

    def answering(rows: FloatArray, key: str) -> FloatArray:
        begun.set()
        time.sleep(0.2)
        scores: FloatArray = model.predict_proba(rows)
        return scores

    skops.io.dump(model, tmp_path / "m.skops")
    with predicting(answering) as url:
        words = ["attack", "run", "equations", "--victim", url, "--truth", str(tmp_path / "m.skops")]
        words += [
            "--pool",
            "builtin:digits",
            "--budget",
            "599",
            "--rungs",
            "20",
            "--seeds",
            "1",
            "--json",
            str(tmp_path / "f.json"),
        ]
        command = [sys.executable, "-m", "moatkeeper", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=as_in_a_terminal)
        assert begun.wait(60)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "INTERRUPTED" in out
    assert json.loads((tmp_path / "f.json").read_text())["interrupted"] is True


@pytest.fixture(scope="module")
def kserve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(KServeServer().app()) as url, gateway(url, tmp_path_factory.mktemp("kserve")) as guarded:
        yield guarded.url


@pytest.fixture(scope="module")
def openai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = "[models.m.contract]\nlog_probabilities = true\n"
    with serving(OpenAIServer().app()) as url, gateway(url, tmp_path_factory.mktemp("openai"), config=config) as guarded:
        yield guarded.url


def test_a_kserve_server_understands_the_dialect(kserve: str) -> None:
    rows = np.random.default_rng(0).normal(size=(7, 4))
    wire = Wire("kserve", input="x", datatype="FP32", output="probabilities")
    with Client(kserve, "m", row_dialect(wire)) as client:
        answers = client.ask(rows).answers
    assert answers is not None
    assert np.abs(answers - probabilities(np.asarray(rows, dtype=np.float32))).max() < 0.011


def test_an_openai_server_understands_the_dialects(openai: str) -> None:
    with Client(openai, "m", text_dialect(Wire("openai-embeddings"))) as embedder:
        vectors = embedder.ask(["a", "b", "c"])
    assert vectors.answers is not None
    assert vectors.answers.shape == (3, 16)
    assert vectors.tokens == 3
    with Client(openai, "m", chat_dialect(Wire("openai-chat"))) as writer:
        assert writer.ask(["hello"]).answers == ["".join(WORDS)]
    with Client(openai, "m", token_dialect(Wire("openai-completions", tokens=(*WORDS, "!"), shown=2))) as speller:
        (token,) = speller.ask([Prefix((1, 2, 3))]).answers or ()
    assert token.token == 0
    assert set(token.log_probabilities) == {0, len(WORDS)}
    with Client(openai, "m", text_dialect(Wire("openai-chat", labels=("A", "B")))) as classifier:
        answers = classifier.ask(["which?"]).answers
    assert answers is not None
    assert answers[0, 0] > answers[0, 1] == 0.0
