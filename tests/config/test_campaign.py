from __future__ import annotations

from pathlib import Path

import pytest

from moatkeeper.config.campaign import campaign_of, guard_policy
from moatkeeper.config.load import load, parse, read
from moatkeeper.config.policy import policy
from moatkeeper.config.settings_campaign import CampaignSettings, GuardSettings, Layer
from moatkeeper.core.contract import FULL_OUTPUT
from moatkeeper.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def guards(text: str) -> dict[str, GuardSettings]:
    return {guard.name: guard for guard in campaign_of(parse(text, "campaign.toml")).guards}


def test_the_example_is_a_campaign_that_uses_every_table() -> None:
    file = ROOT / "examples/campaign.toml"
    settings = campaign_of(read(file))
    assert [guard.name for guard in settings.guards] == ["bare", "least output alone", "limits alone", "all layers"]
    text = file.read_text(encoding="utf-8")
    assert [name for name in CampaignSettings.model_fields if name not in text] == []


def test_without_a_file_four_guards_are_compared_and_nobody_steals() -> None:
    settings = campaign_of(parse("", "campaign.toml"))
    assert len(settings.guards) == 4
    assert settings.thieves == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("dayz = 3", "campaign.toml:1: dayz: found an unknown key, expected 'days', if that was meant"),
        ("\ndays = 0", "campaign.toml:2: days: found 0, expected a number above 0"),
        ('model = "cats"', 'campaign.toml:1: model: found "cats", expected "credit" or "credit-linear"'),
        ("guards = []", "campaign.toml:1: guards: found no guard, expected at least one"),
        ("[[guards]]\nname = 'x'\n[[guards]]\nname = 'x'", "campaign.toml:1: guards: found two guards of one name"),
        ("[[thieves]]\nattack = 'retrain'", "campaign.toml:1: thieves[0].name: found nothing, expected text"),
        (
            "[[thieves]]\nname = 'a'\n[[thieves]]\nname = 'b'\naccounts = 0",
            "campaign.toml:5: thieves[1].accounts: found 0, expected a whole number from 1 to 60000",
        ),
        (
            "[[guards]]\nname = 'x'\nlayers = ['limits', 'watermarks']",
            'campaign.toml:3: guards[0].layers[1]: found "watermarks", expected "limits" or "outputs"',
        ),
        (
            "[population.kinds.nightly]\nbreadth = 2",
            "campaign.toml:2: population.kinds.nightly.breadth: found 2, expected a number",
        ),
        (
            "[[interventions]]\nday = 1\naccounts = 'a'\nstanding = 'angry'",
            'campaign.toml:4: interventions[0].standing: found "angry", expected "good", "watched"',
        ),
    ],
)
def test_a_fault_names_its_line_what_was_found_and_what_was_expected(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as raised:
        campaign_of(parse(text, "campaign.toml"))
    assert raised.value.message.startswith(fault), raised.value.message
    assert "examples/campaign.toml" in raised.value.hint


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"2 faults\n.*:1: days.*\n.*:2: seed"):
        campaign_of(parse("days = -1\nseed = -1", "campaign.toml"))


def test_no_layers_is_the_bare_model() -> None:
    assert guard_policy(GuardSettings(name="bare", layers=()), ROOT) is None


def test_layers_are_switched_one_by_one() -> None:
    both, outputs, limits = (
        guard_policy(GuardSettings(name="x", layers=layers), ROOT)
        for layers in ((Layer.LIMITS, Layer.OUTPUTS), (Layer.OUTPUTS,), (Layer.LIMITS,))
    )
    assert both is not None
    assert outputs is not None
    assert limits is not None
    assert both.tiers["free"].limits == limits.tiers["free"].limits != ()
    assert outputs.tiers["free"].limits == outputs.shared == ()
    assert both.tiers["free"].contract == outputs.tiers["free"].contract != FULL_OUTPUT
    assert limits.tiers["free"].contract == FULL_OUTPUT
    assert both.shared != ()


def test_a_rehearsed_guard_enforces_unless_it_is_told_not_to() -> None:
    enforced, as_configured = (guard_policy(GuardSettings(name="x", enforce=value), ROOT) for value in (True, False))
    assert enforced is not None
    assert as_configured is not None
    assert not enforced.shadow
    assert as_configured.shadow


def test_a_guard_is_taken_from_a_configuration_beside_the_campaign() -> None:
    made = guard_policy(GuardSettings(name="x", config=Path("moatkeeper.toml"), enforce=False), ROOT / "examples")
    assert made == policy(load(ROOT / "examples/moatkeeper.toml"))


def test_tables_of_the_guard_replace_those_of_its_configuration() -> None:
    text = """
[[guards]]
name = "own"
[[guards.tiers.free.limits]]
scope = "account"
unit = "rows"
amount = 7
[guards.standing]
restricted = 0.5
[guards.limits]
default_tier = "free"
shared = []
"""
    made = guard_policy(guards(text)["own"], ROOT)
    assert made is not None
    assert [limit.amount for limit in made.tiers["free"].limits] == [7]
    assert made.tiers["enterprise"].limits[0].amount == 10_000
    assert made.shared == ()
    assert 0.5 in made.factors.values()
