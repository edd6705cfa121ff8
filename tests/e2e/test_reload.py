"""A changed configuration is taken up while the gateway runs; a faulty one is refused with its line, and the old one stays."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.servers import RunningGateway, gateway, serving
from tests.support.tensorflow_server import TensorFlowServer
from tests.support.waiting import eventually

CONFIG = """[limits]
mode = "enforce"
default_tier = "small"

[tiers.small]
limits = [{ scope = "account", unit = "rows", amount = 100 }]
"""
TIGHT = CONFIG.replace("amount = 100", "amount = 3")
FAULTY = CONFIG.replace("amount = 100", 'amount = "many"')
FAULT_LINE = 1 + FAULTY[: FAULTY.index('"many"')].count("\n")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningGateway]:
    with serving(TensorFlowServer().app()) as url, gateway(url, tmp_path, config=CONFIG) as running:
        yield running


def write(running: RunningGateway, text: str) -> None:
    """Replaces the configuration as editors do, in one step."""
    file = running.log.parent / "moatkeeper.toml"
    (draft := file.with_suffix(".new")).write_text(text)
    draft.replace(file)


def status(running: RunningGateway, account: str) -> int:
    headers = {"authorization": f"Bearer sk-{account}"}
    return httpx.post(running.url + "/v1/models/classifier:predict", json={"instances": [[0.3]]}, headers=headers).status_code


def logged(running: RunningGateway, text: str) -> bool:
    return text in running.log.read_text()


def test_tightened_limits_are_in_force_without_a_restart(running: RunningGateway) -> None:
    assert [status(running, "one") for _ in range(5)] == [200] * 5
    write(running, TIGHT)
    eventually(lambda: logged(running, "configuration reloaded"), "the new configuration is taken up")
    assert [status(running, "two") for _ in range(5)] == [200, 200, 200, 429, 429]
    assert status(running, "one") == 429  # what was used before counts


def test_a_changed_contract_changes_the_next_answer(running: RunningGateway) -> None:
    def answer() -> object:
        return httpx.post(running.url + "/v1/models/classifier:predict", json={"instances": [[0.3]]}).json()["predictions"]

    assert answer() == [[0.43, 0.57]]
    write(running, CONFIG + "\n[models.classifier.contract]\nlabel_only = true\n")
    eventually(lambda: answer() == [[0, 1]], "the new contract is in force")


def test_a_faulty_file_is_refused_with_its_line_and_the_old_configuration_stays(running: RunningGateway) -> None:
    write(running, FAULTY)
    eventually(lambda: logged(running, "refused, the old one stays"), "the faulty file is refused")
    assert logged(running, f"moatkeeper.toml:{FAULT_LINE}")
    assert logged(running, "many")
    assert [status(running, "one") for _ in range(5)] == [200] * 5
    write(running, TIGHT)
    eventually(lambda: logged(running, "configuration reloaded"), "the mended file is taken up")
    assert status(running, "one") == 429


@pytest.mark.parametrize("text", ["[limits\n", "[server]\ndrain_s = 1\n", ""], ids=["no TOML", "fixed at the start", "gone"])
def test_what_cannot_be_taken_up_is_refused_and_traffic_goes_on(running: RunningGateway, text: str) -> None:
    if text:
        write(running, text)
    else:
        (running.log.parent / "moatkeeper.toml").unlink()
    eventually(lambda: logged(running, "refused, the old one stays"), "the change is refused")
    assert [status(running, "one") for _ in range(5)] == [200] * 5
    assert httpx.get(running.admin + "/readyz").status_code == 200


def test_hanging_up_makes_it_look_at_once_and_ends_nothing(running: RunningGateway) -> None:
    write(running, TIGHT)
    running.process.send_signal(signal.SIGHUP)
    eventually(lambda: logged(running, "configuration reloaded"), "the new configuration is taken up")
    running.process.send_signal(signal.SIGHUP)
    assert [status(running, "two") for _ in range(4)] == [200, 200, 200, 429]
    assert running.process.poll() is None
