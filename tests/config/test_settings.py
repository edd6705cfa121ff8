"""The whole configuration: it needs no file, and the shipped tiers stay unless the file says otherwise."""

from __future__ import annotations

from moatkeeper.config.settings import SHIPPED_TIERS, Settings


def test_no_configuration_is_a_configuration() -> None:
    assert Settings() == Settings.model_validate({})


def test_every_section_has_a_default_so_that_a_file_says_only_what_it_changes() -> None:
    changed = Settings.model_validate({"server": {"port": 9000}})
    assert changed.server.port == 9000
    assert changed.model_copy(update={"server": Settings().server}) == Settings()


def test_a_new_tier_stands_beside_the_shipped_ones() -> None:
    tiers = Settings.model_validate({"tiers": {"gold": {}}}).tiers
    assert set(tiers) == {"gold", *SHIPPED_TIERS}


def test_a_contract_for_a_shipped_tier_leaves_its_limits_alone() -> None:
    free = Settings.model_validate({"tiers": {"free": {"contract": {"decimals": 1}}}}).tiers["free"]
    assert free.contract.decimals == 1
    assert free.limits == SHIPPED_TIERS["free"].limits


def test_limits_for_a_shipped_tier_replace_its_limits() -> None:
    limits = [{"scope": "account", "unit": "rows", "amount": 7}]
    free = Settings.model_validate({"tiers": {"free": {"limits": limits}}}).tiers["free"]
    assert [limit.amount for limit in free.limits] == [7]


def test_a_tier_that_is_not_shipped_has_only_the_limits_that_it_names() -> None:
    assert Settings.model_validate({"tiers": {"gold": {}}}).tiers["gold"].limits == ()
