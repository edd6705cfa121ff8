"""Every setting, declared once: type, default, range and help; the file, the command line and the docs read this."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from moatkeeper.config.quantities import Section
from moatkeeper.config.settings_identity import HeaderSettings, IdentitySettings, JwtSettings
from moatkeeper.config.settings_limits import (
    SHIPPED_TIERS,
    ContractSettings,
    LimitSettings,
    LimitsSettings,
    ModelSettings,
    Name,
    PriceSettings,
    StandingSettings,
    TierSettings,
)
from moatkeeper.config.settings_patterns import PatternsSettings
from moatkeeper.config.settings_redteam import RedteamSettings
from moatkeeper.config.settings_server import (
    FailMode,
    LedgerSettings,
    RouteOverride,
    RoutesSettings,
    ServerSettings,
    TelemetrySettings,
    UpstreamSettings,
)
from moatkeeper.config.settings_wire import GenericSettings, WireSettings

__all__ = [
    "SHIPPED_TIERS",
    "ContractSettings",
    "FailMode",
    "GenericSettings",
    "HeaderSettings",
    "IdentitySettings",
    "JwtSettings",
    "LedgerSettings",
    "LimitSettings",
    "LimitsSettings",
    "ModelSettings",
    "PatternsSettings",
    "PriceSettings",
    "RedteamSettings",
    "RouteOverride",
    "RoutesSettings",
    "ServerSettings",
    "Settings",
    "StandingSettings",
    "TelemetrySettings",
    "TierSettings",
    "UpstreamSettings",
    "WireSettings",
]


class Settings(Section):
    """The whole configuration. ``Settings()`` is the one that applies without a file."""

    server: ServerSettings = Field(
        default=ServerSettings(), description="Where this process listens, and how much it takes on."
    )
    upstream: UpstreamSettings = Field(default=UpstreamSettings(), description="The model server.")
    identity: IdentitySettings = Field(default=IdentitySettings(), description="Who a caller is.")
    limits: LimitsSettings = Field(default=LimitsSettings(), description="How limits act, and those that callers share.")
    tiers: dict[Name, TierSettings] = Field(default=SHIPPED_TIERS, description="Classes of customers.")
    models: dict[str, ModelSettings] = Field(
        default={}, description='What is particular to one model; the name `""` prices all others.'
    )
    standing: StandingSettings = Field(default=StandingSettings(), description="What each standing does.")
    patterns: PatternsSettings = Field(default=PatternsSettings(), description="What queries look like theft, and what then.")
    wire: WireSettings = Field(default=WireSettings(), description="Which requests are understood.")
    routes: RoutesSettings = Field(default=RoutesSettings(), description="What happens when a part of Moatkeeper itself fails.")
    ledger: LedgerSettings = Field(default=LedgerSettings(), description="The record of what was decided.")
    redteam: RedteamSettings = Field(default=RedteamSettings(), description="What the red team may attack.")
    telemetry: TelemetrySettings = Field(default=TelemetrySettings(), description="Logs and traces.")

    @field_validator("tiers", mode="before")
    @classmethod
    def _keep_shipped_tiers(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        tiers: dict[object, object] = dict(SHIPPED_TIERS.items())
        for name, tier in given.items():
            shipped = SHIPPED_TIERS.get(name)
            replaces = isinstance(tier, Mapping) and shipped is not None and "limits" not in tier
            tiers[name] = {**tier, "limits": shipped.limits} if replaces and shipped else tier
        return tiers
