from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from moatkeeper.demo.stage import staged
from moatkeeper.demo.victim import TREES
from moatkeeper.redteam.client import PredictClient
from moatkeeper.store.keys import Keys


def test_both_servers_are_ready_and_every_account_of_the_cast_has_a_key_of_its_tier(tmp_path: Path) -> None:
    cast = {"small": "free", "large": "enterprise"}
    row = np.zeros((1, 23))
    with staged(tmp_path, seed=0, cast=cast) as stage:
        with PredictClient(stage.bare_url, TREES) as bare, PredictClient(stage.gateway_url, TREES) as guarded:
            exact, rounded = bare.predict(row).answers, guarded.predict(row, stage.keys["small"]).answers
        assert exact is not None
        assert rounded is not None
        np.testing.assert_array_equal(rounded, np.round(exact, 2))
    with Keys.open(stage.data) as keys:
        tiers = {}
        for name, key in stage.keys.items():
            record = keys.check(key.encode(), time.time())
            assert record is not None
            tiers[name] = record.account.tier
    assert tiers == cast
