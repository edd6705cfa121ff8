"""Settings of query pattern analysis: shadow mode first, bounds in their order, and rules as the ladder reads them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from moatkeeper.config.settings import Settings
from moatkeeper.config.settings_patterns import PatternsSettings, rules
from moatkeeper.core.judgement import Standing
from moatkeeper.guard.ladder import Rules


def test_out_of_the_box_nothing_acts_and_nothing_is_recorded() -> None:
    settings = Settings().patterns
    assert settings.mode == "shadow"
    assert not settings.record.enabled
    assert rules(settings) == Rules()


def test_a_surer_bound_is_for_the_heavier_standing() -> None:
    with pytest.raises(ValidationError, match="each at most as large as the next"):
        PatternsSettings(restricted_at=0.1)


@pytest.mark.parametrize(
    "wrong", [{"automatic": "terminated"}, {"watched_at": 1.0}, {"named_at": 0.0}, {"quiet_looks": 0}, {"mode": "enforce"}]
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PatternsSettings.model_validate(wrong)


def test_the_operators_line_is_the_ladders() -> None:
    found = rules(PatternsSettings(mode="act", automatic="suspended", down_after=60.0, quiet_looks=3, named_at=0.0001))
    assert found == Rules(act=True, automatic=Standing.SUSPENDED, down_after_s=60.0, quiet_looks=3, named_at=0.0001)
