"""Settings of limits and contracts: the article's figures out of the box, and no limit where it cannot work."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from moatkeeper.config.settings_limits import (
    SHIPPED_TIERS,
    ContractSettings,
    LimitSettings,
    LimitsSettings,
    StandingSettings,
    TierSettings,
)
from moatkeeper.limits.base import Scope, Unit


def test_a_free_account_has_100_rows_an_hour_and_an_enterprise_10000() -> None:
    figures = {
        name: {(limit.scope, limit.unit, limit.amount, limit.per) for limit in tier.limits}
        for name, tier in SHIPPED_TIERS.items()
    }
    assert figures == {
        "free": {(Scope.ACCOUNT, Unit.ROWS, 100, 3600), (Scope.KEY, Unit.ROWS, 100, 3600)},
        "enterprise": {(Scope.ACCOUNT, Unit.ROWS, 10_000, 3600)},
    }


def test_out_of_the_box_limits_refuse_nobody() -> None:
    assert LimitsSettings().mode == "shadow"


@pytest.mark.parametrize("scope", ["address", "model", "all"])
def test_a_tier_cannot_limit_what_its_callers_share_with_others(scope: str) -> None:
    limit = {"scope": scope, "unit": "rows", "amount": 1}
    with pytest.raises(ValidationError, match=f"scope {scope}, expected one of key, account, organisation"):
        TierSettings.model_validate({"limits": [limit]})
    LimitsSettings.model_validate({"shared": [limit]})


@pytest.mark.parametrize("scope", ["key", "account"])
def test_what_is_shared_cannot_be_limited_by_account(scope: str) -> None:
    with pytest.raises(ValidationError, match="expected one of organisation, address, model, all"):
        LimitsSettings.model_validate({"shared": [{"scope": scope, "unit": "rows", "amount": 1}]})


@pytest.mark.parametrize("extra", [{"per": "hour"}, {"burst": 2}])
def test_requests_in_flight_have_no_time(extra: dict[str, object]) -> None:
    limit = {"scope": "key", "unit": "concurrent", "amount": 4}
    LimitSettings.model_validate(limit)
    with pytest.raises(ValidationError, match="neither per nor burst"):
        LimitSettings.model_validate({**limit, **extra})


@pytest.mark.parametrize("name", ["decimals", "significant_digits", "top_k", "outputs", "embedding_bits", "kind", "max_tokens"])
def test_off_switches_a_reduction_off(name: str) -> None:
    assert getattr(ContractSettings.model_validate({name: "off"}), name) is None


@pytest.mark.parametrize("name", ["label_only", "threshold", "max_choices", "log_probabilities"])
def test_off_means_nothing_where_there_is_no_reduction(name: str) -> None:
    with pytest.raises(ValidationError):
        ContractSettings.model_validate({name: "off"})


def test_standing_can_only_tighten() -> None:
    with pytest.raises(ValidationError):
        StandingSettings.model_validate({"watched": 1.5})
