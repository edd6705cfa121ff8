"""The lookout: findings become standings once a second, durably, within bounds, and nobody outside can tell."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from moatkeeper.config.settings import PatternsSettings
from moatkeeper.core.judgement import Reading, Signal, Standing
from moatkeeper.errors import ConfigError
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.finding import Finding
from moatkeeper.serve.lookout import MOVES_A_TICK, Lookout, watch_of
from moatkeeper.serve.metrics import Metrics
from moatkeeper.store.exchanges import exchanges_of
from moatkeeper.store.memory import InMemory
from moatkeeper.store.standings import Standings
from tests.support.honest import exchange, honest_batch, thief_rows

NOON = 1_767_614_400.0
ACT = PatternsSettings(mode="act")


class Place:
    """A lookout with the memory and the standings that it changes."""

    def __init__(self, data: Path, settings: PatternsSettings) -> None:
        self.memory, self.metrics, self.standings = InMemory(), Metrics(), Standings.open(data)
        watch = watch_of(data, settings)
        self.lookout = Lookout(data, settings, watch, self.standings, self.memory.stand, self.metrics)

    def close(self) -> None:
        """As a gateway ends."""
        self.lookout.close(NOON)
        self.standings.close()


@contextmanager
def place(data: Path, settings: PatternsSettings = ACT) -> Iterator[Place]:
    """A place that is closed in good order."""
    found = Place(data, settings)
    yield found
    found.close()


def finding(account: str = "thief", evidence: float = 150.0, at: float = NOON) -> Finding:
    signal = Signal(Reading("low-margin", 5.0, "rows lie near the decision boundary"), 0.001)
    return Finding(account, "model", at, 64, 0.001, evidence, (signal,))


def calibration(model: str = "model", seed: int = 1) -> bytes:
    return Calibration.fit(model, honest_batch(100, 16, seed=seed)).to_bytes()


def test_a_finding_is_judged_at_the_next_tick_and_the_standing_is_in_force_and_durable(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        here.lookout.found([finding()])
        assert here.memory.standing("thief") is Standing.GOOD
        here.lookout.tick(NOON)
        assert here.memory.standing("thief") is Standing.RESTRICTED
    with Standings.open(tmp_path) as again:
        assert again.get("thief") is Standing.RESTRICTED


def test_a_large_ring_is_moved_over_several_ticks(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        here.lookout.found([finding(f"thief-{number}") for number in range(MOVES_A_TICK + 10)])
        here.lookout.tick(NOON)
        assert len(here.standings.all()) == MOVES_A_TICK
        here.lookout.tick(NOON + 1)
        assert len(here.standings.all()) == MOVES_A_TICK + 10


def test_a_disk_that_fails_is_tried_again_and_no_finding_is_lost(tmp_path: Path) -> None:
    with place(tmp_path) as here, closing(sqlite3.connect(tmp_path / "moatkeeper.db")) as connection:
        connection.execute("ALTER TABLE standings RENAME TO away")
        here.lookout.found([finding()])
        here.lookout.tick(NOON)
        assert here.memory.standing("thief") is Standing.GOOD
        assert here.lookout.document()["problem"]
        connection.execute("ALTER TABLE away RENAME TO standings")
        here.lookout.tick(NOON + 1)
        assert here.lookout.document()["problem"] == ""
    with Standings.open(tmp_path) as again:
        assert again.get("thief") is Standing.RESTRICTED


def test_an_account_whose_name_no_store_takes_stands_in_nobodys_way(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        here.lookout.found([finding("no\nname"), finding()])
        here.lookout.tick(NOON)
        assert here.standings.all() == {"thief": Standing.RESTRICTED}


def test_shadow_mode_reports_and_acting_makes_up_for_it(tmp_path: Path) -> None:
    with place(tmp_path, PatternsSettings()) as here:
        here.lookout.found([finding()])
        here.lookout.tick(NOON)
        assert here.memory.standing("thief") is Standing.GOOD
        assert here.lookout.document()["moves"] == {"shadow:restricted": 1}
        here.lookout.take_up(ACT, here.lookout.prepare(ACT), NOON + 5)
        assert here.memory.standing("thief") is Standing.RESTRICTED


def test_the_page_names_accounts_and_the_metrics_never_do(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        here.lookout.found([finding(evidence=1_500.0)])
        here.lookout.tick(NOON)
        page = here.lookout.document()
        assert [(move["account"], move["kind"]) for move in page["recent"]] == [("thief", "proposed"), ("thief", "done")]  # type: ignore[attr-defined]
        assert [one["standing"] for one in page["proposals"]] == ["suspended"]  # type: ignore[attr-defined]
        here.metrics.gauges |= here.lookout.gauges()
        exposition = here.metrics.exposition()
    assert b"thief" not in exposition
    assert b'moatkeeper_moves_total{kind="done",standing="restricted"} 1.0' in exposition
    assert b"moatkeeper_looks_total 1.0" in exposition
    assert b"moatkeeper_open_proposals 1.0" in exposition


def test_calibrations_are_read_at_the_start_and_when_a_file_changes(tmp_path: Path) -> None:
    folder = tmp_path / "calibrations"
    folder.mkdir()
    with place(tmp_path) as here:
        assert not here.lookout.new_watch()
        (folder / "one.calibration").write_bytes(calibration())
        assert here.lookout.new_watch()
        watch = here.lookout.watch
        assert watch is not None
        (folder / "two.calibration").write_bytes(b"nonsense")
        assert not here.lookout.new_watch()
        assert here.lookout.watch is watch
    with pytest.raises(ConfigError, match=r"two\.calibration"):
        Place(tmp_path, ACT)


def test_settings_that_name_a_broken_folder_are_refused_and_change_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "one.calibration").write_bytes(b"nonsense")
    with place(tmp_path) as here:
        with pytest.raises(ConfigError):
            here.lookout.prepare(PatternsSettings(calibrations=broken))
        assert here.lookout.settings == ACT


def test_exchanges_are_kept_only_where_the_operator_says_so(tmp_path: Path) -> None:
    asked = exchange("acme", thief_rows(np.random.default_rng(1), 1), NOON)
    for enabled, kept in ((False, 0), (True, 1)):
        settings = PatternsSettings.model_validate({"record": {"enabled": enabled}})
        with place(tmp_path / str(enabled), settings) as here:
            here.lookout.saw(asked)
            here.lookout.tick(NOON)
        assert len(exchanges_of(tmp_path / str(enabled), "acme", 5)) == kept


def test_what_shadow_mode_left_undone_is_made_up_for_over_several_ticks(tmp_path: Path) -> None:
    with place(tmp_path, PatternsSettings()) as here:
        here.lookout.found([finding(f"thief-{number}") for number in range(MOVES_A_TICK + 10)])
        here.lookout.tick(NOON)
        here.lookout.tick(NOON + 1)
        here.lookout.take_up(ACT, here.lookout.prepare(ACT), NOON + 5)
        assert len(here.standings.all()) == MOVES_A_TICK
        here.lookout.tick(NOON + 6)
        assert len(here.standings.all()) == MOVES_A_TICK + 10


def test_a_name_that_no_store_takes_stops_no_reload(tmp_path: Path) -> None:
    with place(tmp_path, PatternsSettings()) as here:
        here.lookout.found([finding("long" * 100), finding()])
        here.lookout.tick(NOON)
        here.lookout.take_up(ACT, here.lookout.prepare(ACT), NOON + 5)
        assert here.standings.all() == {"thief": Standing.RESTRICTED}


def test_a_person_who_speaks_between_the_looks_is_not_overruled(tmp_path: Path) -> None:
    with place(tmp_path) as here, Standings.open(tmp_path) as command:
        command.set("thief", Standing.TERMINATED, reason="test", at=NOON)
        here.lookout.found([finding()])
        here.lookout.tick(NOON)
        here.standings.refresh()  # as the house does before each tick
        here.lookout.tick(NOON + 1)
        assert here.standings.get("thief") is Standing.TERMINATED
        assert here.lookout.document()["problem"] == ""
