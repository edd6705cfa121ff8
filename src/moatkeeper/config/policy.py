"""Settings as the engine and the gateway want them: a policy table, the formats that are spoken, what fails open."""

from __future__ import annotations

from moatkeeper.config.settings import ContractSettings, GenericSettings, LimitSettings, Settings
from moatkeeper.config.settings_limits import AnswersSettings, CoarserSettings
from moatkeeper.config.settings_patterns import rules
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Standing
from moatkeeper.guard.policy import Policy, Price, Tier
from moatkeeper.limits.base import Limit
from moatkeeper.outputs.coarser import Coarser
from moatkeeper.wire.base import WireFormat
from moatkeeper.wire.generic import GenericRoute, build
from moatkeeper.wire.registry import FORMATS


def policy(settings: Settings) -> Policy:
    """The table that the engine decides by."""
    return Policy(
        tiers={
            name: Tier(name, tuple(map(limit, tier.limits)), contract(tier.contract)) for name, tier in settings.tiers.items()
        },
        default_tier=settings.limits.default_tier,
        shared=tuple(map(limit, settings.limits.shared)),
        contracts={name: contract(model.contract) for name, model in settings.models.items() if model.contract is not None},
        prices={
            name: Price(model.price.per_request, model.price.per_row, model.price.per_token)
            for name, model in settings.models.items()
        },
        factors={
            Standing.GOOD: settings.standing.good,
            Standing.WATCHED: settings.standing.watched,
            Standing.RESTRICTED: settings.standing.restricted,
        },
        coarser=_coarser(settings.standing.answers),
        rules=rules(settings.patterns),
        shadow=settings.limits.mode == "shadow",
    )


def _coarser(settings: AnswersSettings) -> dict[Standing, Coarser]:
    """What each standing takes from answers; standings that take nothing are left out."""
    found = {Standing.WATCHED: coarser(settings.watched), Standing.RESTRICTED: coarser(settings.restricted)}
    return {standing: one for standing, one in found.items() if one != Coarser()}


def coarser(settings: CoarserSettings) -> Coarser:
    """What one standing takes from answers."""
    return Coarser(**{name: getattr(settings, name) for name in CoarserSettings.model_fields})


def limit(settings: LimitSettings) -> Limit:
    """One limit as the engine counts it."""
    return Limit(settings.scope, settings.unit, settings.amount, settings.per, settings.burst)


def contract(settings: ContractSettings) -> Contract:
    """One contract as the output policies read it."""
    return Contract(**{name: getattr(settings, name) for name in ContractSettings.model_fields})


def formats(settings: Settings) -> tuple[WireFormat, ...]:
    """The formats that are spoken, in the order in which they are asked for a path: declared routes come first."""
    names = settings.wire.formats
    known = tuple(FORMATS[name]() for name in (FORMATS if names is None else names))
    return (build(map(generic_route, settings.wire.generic)), *known) if settings.wire.generic else known


def generic_route(settings: GenericSettings) -> GenericRoute:
    """One declared route as the generic format reads it."""
    return GenericRoute(**{name: getattr(settings, name) for name in GenericSettings.model_fields})


def fail_open(settings: Settings, path: str) -> bool:
    """Whether a request to ``path`` is answered although a part of Moatkeeper failed; the first matching override decides."""
    for exception in settings.routes.override:
        if exception.covers(path):
            return exception.fail == "open"
    return settings.routes.fail == "open"
