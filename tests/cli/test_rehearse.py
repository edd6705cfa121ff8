"""`moatkeeper rehearse` as an operator uses it: a short campaign in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moatkeeper.cli.rehearse_plan import defences_of, kinds_of, plan_of, thief_of, unknown_names, watching
from moatkeeper.config.campaign import campaign_of
from moatkeeper.config.load import parse
from moatkeeper.core.caller import Basis
from moatkeeper.errors import ConfigError
from moatkeeper.redteam.adaptive.crew_plan import Timing
from moatkeeper.redteam.population import KINDS
from tests.support.campaigns import scene
from tests.support.commands import as_in_a_terminal, moatkeeper

SHORT = """
days = 1.5
model = "credit-linear"
[[guards]]
name = "bare"
layers = []
[[guards]]
name = "all layers"
[population]
customers = 30
[[thieves]]
name = "lone"
attack = "equations"
accounts = 2
most_rows = 60
rows_per_request = 20
"""
FOREVER = SHORT.replace("days = 1.5", "days = 3650").replace("customers = 30", "customers = 5").replace("60", "50")
INTERRUPTED = 130


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    file = tmp_path / "campaign.toml"
    file.write_text(SHORT, encoding="utf-8")
    return file


def failing(*words: str | Path, status: int) -> str:
    """What a command that ends with ``status`` says on standard error."""
    command = [sys.executable, "-m", "moatkeeper", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr


def test_a_campaign_is_rehearsed_reported_and_written_down_the_same_each_time(campaign: Path, tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    page = tmp_path / "page.html"
    words = ("--config", campaign, "--days", "1", "--seed", "5", "--html", page)
    reports = [moatkeeper("rehearse", *words, "--json", file) for file in files]
    assert reports[0] == reports[1]
    assert files[0].read_bytes() == files[1].read_bytes()
    told = json.loads(files[0].read_text())
    assert told["seeds"] == [5], "the command's words come before the file's"
    assert told["repetitions"][0]["days"] == 1.0
    bare, guarded = told["repetitions"][0]["guards"]
    assert bare["thieves"][0]["scores"][-1]["figures"]["fidelity"] > 0.99
    assert bare["thieves"][0]["scores"][-1]["figures"]["fidelity"] > bare["without_api"]["fidelity"]
    assert guarded["thieves"][0]["rows"] == 60
    assert guarded["honest"]["total"]["labels_changed"] == 0
    assert guarded["noticed"] == []
    shown = page.read_text(encoding="utf-8")
    for phrase in ("all layers: lone", "nobody noticed", "30 honest accounts"):
        assert phrase in shown, phrase
    for phrase in ("== bare ==", "== all layers ==", "== compared (one seed", "price of fidelity", "Nobody noticed"):
        assert phrase in reports[0], phrase


def test_the_scenarios_are_listed_with_what_the_article_says() -> None:
    listed = moatkeeper("rehearse", "--scenarios")
    for name in ("cheap-copy", "ninety-two", "slow", "farm", "botnet"):
        assert name in listed
    assert "under $5,000" in listed


def test_without_a_campaign_or_a_scenario_there_is_nothing_to_rehearse() -> None:
    assert "expected --config or --scenario" in failing("rehearse", status=2)


def test_the_claim_about_adapters_is_sent_to_its_attack() -> None:
    assert "adapter-theft" in failing("rehearse", "--scenario", "adapter", status=2)


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    assert "expected one of cheap-copy, " in failing("rehearse", "--scenario", "nonsense", status=2)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("[population.kinds.nightyl]\n", ':17: population.kinds.nightyl: found "nightyl", expected "nightly", if that was'),
        ('[[thieves]]\nname = "b"\nattack = "retrian"\n', ':19: thieves[1].attack: found "retrian", expected "retrain"'),
        ('[[thieves]]\nname = "b"\ntactics = ["lables"]\n', ':19: thieves[1].tactics[0]: found "lables", expected "labels"'),
        ('[[thieves]]\nname = "lone"\n', ":18: thieves[1].name: found a second thief of that name, expected another"),
        ("customers = 2\n", ":17: thieves[0].customers: found an unknown key"),
    ],
)
def test_a_faulty_campaign_is_refused_with_its_line(campaign: Path, more: str, fault: str) -> None:
    campaign.write_text(SHORT + more, encoding="utf-8")
    told = failing("rehearse", "--config", campaign, status=3)
    assert f"{campaign.name}{fault}" in told


def test_a_guard_that_contradicts_itself_is_named_with_its_line() -> None:
    document = parse('[[guards]]\nname = "a"\n[guards.limits]\ndefault_tier = "gold"\n', "campaign.toml")
    with pytest.raises(ConfigError, match=r"campaign\.toml:1: guards\[0\]: .*gold"):
        defences_of(campaign_of(document), document, Path())


def test_a_report_that_cannot_be_written_is_told_before_anything_is_measured(campaign: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    told = failing("rehearse", "--config", campaign, "--json", tmp_path, status=2)
    assert "found a folder, expected a file to write" in told
    assert time.monotonic() - began < 30


def test_on_a_terminal_a_bar_shows_the_day_and_ctrl_c_leaves_a_partial_report(campaign: Path, tmp_path: Path) -> None:
    campaign.write_text(FOREVER, encoding="utf-8")
    file = tmp_path / "out.json"
    words = [sys.executable, "-m", "moatkeeper", "rehearse", "--config", str(campaign), "--json", str(file)]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=theirs, text=True, preexec_fn=as_in_a_terminal)
    os.close(theirs)
    try:
        shown = b""
        while b"day 9 of 3650" not in shown:
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        report, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(ours)
    assert b"[..............................]   0%  seed 0, bare, day 9 of 3650" in shown
    assert process.returncode == INTERRUPTED
    assert "PARTIAL: this rehearsal was interrupted. Not tried: all layers." in report
    told = json.loads(file.read_text())
    assert told["whole"] is False
    assert told["repetitions"][0]["guards"][0]["honest"]["total"]["requests"] > 0


def test_what_the_file_says_of_a_thief_reaches_his_crew() -> None:
    text = """
[[thieves]]
name = "farm"
accounts = 7
proxies = 3
verified = false
timing = "human"
days = 2
money = 12
tactics = ["labels"]
canary = true
begins_day = 1
"""
    thief = thief_of(campaign_of(parse(text, "campaign.toml")).thieves[0], 4, seed=9)
    crew = thief.crew
    assert (crew.accounts, crew.proxies, crew.days, crew.money, crew.name) == (7, 3, 2.0, 12.0, "farm")
    assert (crew.basis, crew.timing, crew.network) == (Basis.ADDRESS, Timing.HUMAN, "198.4")
    assert crew.canary is not None
    assert (thief.tactics, thief.begins_day, thief.seed) == (("labels",), 1.0, 9)


def test_what_the_file_says_of_customers_reaches_the_population() -> None:
    document = parse("days = 2\n[population]\ncustomers = 9\n[population.kinds.probe]\nshare = 0\n", "campaign.toml")
    settings = campaign_of(document)
    assert unknown_names(settings, document) is None
    kinds = {kind.name: kind for kind in kinds_of(settings.population)}
    assert kinds["probe"].share == 0
    assert kinds["nightly"] == KINDS["nightly"]
    people = plan_of(settings, scene(), ()).population.customers
    assert len(people) == 9
    assert "probe" not in {customer.kind for customer in people}


def test_a_guard_with_patterns_learns_from_customers_of_its_own_and_says_where_they_are_too_few(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = parse(
        "days = 2\n[[guards]]\nname = 'plain'\n[[guards]]\nname = 'watching'\npatterns = 150\n"
        "[[guards]]\nname = 'bare'\nlayers = []\npatterns = 150\n",
        "campaign.toml",
    )
    settings = campaign_of(document)
    plain, watched, bare = watching(defences_of(settings, document, Path()), settings, scene(), 0)
    assert plain.guard is not None
    assert watched.guard is not None
    assert bare.guard is None
    assert plain.guard.watch is None
    assert watched.guard.watch is not None
    assert watched.guard.watch.calibrations["small"].accounts == 150
    assert watched.guard.policy.rules.act
    assert capsys.readouterr().err == "watching: 150 customers are too few for detectors to name anybody under 0.1%\n"
