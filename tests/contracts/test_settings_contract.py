"""What settings mirror must not drift from what they mirror: contracts, limits, prices, standings; and all say what they do."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest

from moatkeeper.config.describe import Table, tables
from moatkeeper.config.quantities import Section
from moatkeeper.config.settings import ContractSettings, LimitSettings, PriceSettings, Settings, StandingSettings
from moatkeeper.config.settings_limits import CoarserSettings
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Standing
from moatkeeper.guard.guard import Price
from moatkeeper.limits.base import Limit
from moatkeeper.outputs.coarser import Coarser

TABLES = tables(Settings)


@pytest.mark.parametrize(
    ("section", "value"), [(ContractSettings, Contract), (PriceSettings, Price), (CoarserSettings, Coarser)]
)
def test_a_section_has_the_keys_and_defaults_of_the_value_it_makes(
    section: type[Section], value: type[Contract] | type[Price] | type[Coarser]
) -> None:
    assert {name: field.default for name, field in section.model_fields.items()} == {
        field.name: field.default for field in fields(value)
    }


def test_a_limit_has_the_keys_and_defaults_of_the_engines_with_per_for_per_s() -> None:
    engine = {field.name.removesuffix("_s"): field.default for field in fields(Limit)}
    settings = {name: MISSING if field.is_required() else field.default for name, field in LimitSettings.model_fields.items()}
    assert settings == engine


def test_every_standing_that_is_not_the_end_has_a_factor() -> None:
    assert set(StandingSettings.model_fields) - {"answers"} == set(Standing) - {Standing.SUSPENDED, Standing.TERMINATED}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.header)
def test_every_setting_says_what_it_takes_and_what_it_does(table: Table) -> None:
    assert table.help
    for setting in table.settings:
        assert setting.takes, setting.path
        assert setting.help.rstrip("`").endswith((".", ")")), setting.path


def test_every_table_is_told_once() -> None:
    headers = [table.header for table in TABLES]
    assert len(set(headers)) == len(headers)


def test_the_json_schema_holds_every_setting() -> None:
    schema = Settings.model_json_schema()
    held = {name for part in [schema, *schema["$defs"].values()] for name in part.get("properties", {})}
    assert {setting.path.rsplit(".", 1)[-1] for table in TABLES for setting in table.settings} <= held
