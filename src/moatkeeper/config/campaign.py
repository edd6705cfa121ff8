"""Reading a campaign's file: as strict as the gateway's, every fault with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from moatkeeper.config.load import Document, config_error, faults_of, load
from moatkeeper.config.policy import policy
from moatkeeper.config.settings_campaign import CampaignSettings, GuardSettings, Layer
from moatkeeper.core.contract import FULL_OUTPUT
from moatkeeper.guard.policy import Policy

HINT = "docs/reference/campaign.md lists every setting of a campaign, and examples/campaign.toml uses them"


def campaign_of(document: Document) -> CampaignSettings:
    """The settings of a campaign; raises ConfigError that lists every fault, one a line."""
    try:
        return CampaignSettings.model_validate(dict(document.values))
    except ValidationError as error:
        raise config_error(document.source, faults_of(document, error, CampaignSettings), HINT) from None


def guard_policy(guard: GuardSettings, folder: Path) -> Policy | None:
    """What a guard of the campaign decides by; None for the bare model.

    ``folder`` is where relative names of files begin. Raises ConfigError for a file that is no configuration.
    """
    if not guard.layers:
        return None
    settings = load(folder / guard.config if guard.config is not None else None)
    settings = settings.model_copy(
        update={
            "tiers": {**settings.tiers, **(guard.tiers or {})},
            "limits": guard.limits if guard.limits is not None else settings.limits,
            "standing": guard.standing if guard.standing is not None else settings.standing,
        }
    )
    made = policy(settings)
    if guard.enforce:
        made = replace(made, shadow=False)
    if Layer.LIMITS not in guard.layers:
        tiers = {name: replace(tier, limits=()) for name, tier in made.tiers.items()}
        made = replace(made, tiers=tiers, shared=())
    if Layer.OUTPUTS not in guard.layers:
        tiers = {name: replace(tier, contract=FULL_OUTPUT) for name, tier in made.tiers.items()}
        made = replace(made, tiers=tiers, contracts={})
    return made
