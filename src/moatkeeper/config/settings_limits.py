"""Settings of layers 1 and 3: limits, tiers, prices, standings and the contracts that say what answers show."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from moatkeeper.config.quantities import Off, Seconds, Section
from moatkeeper.core.answer import OutputKind
from moatkeeper.limits.base import Scope, Unit
from moatkeeper.limits.plan import SHARED_SCOPES, TIER_SCOPES

Name = Annotated[str, StringConstraints(min_length=1)]


class LimitSettings(Section):
    """At most so much, by one scope, in any stretch of time."""

    scope: Scope = Field(strict=False, description="Whose consumption is counted together.")
    unit: Unit = Field(
        strict=False, description="What is counted; `rows` are the inputs in a request, `concurrent` the requests in flight."
    )
    amount: float = Field(gt=0, description="How much. Larger: more can be taken, and a copy is cheaper.")
    per: Seconds = Field(
        default=3600.0,
        description="In any so many seconds. Larger: the same amount lasts longer, a slow thief gains less by waiting.",
    )
    burst: float | None = Field(
        default=None,
        gt=0,
        description=("Makes it a token bucket: at most so much at once, refilled at `amount` in `per`. Larger: more at once."),
    )

    @model_validator(mode="after")
    def _no_time_in_flight(self) -> Self:
        if self.unit is Unit.CONCURRENT and self.model_fields_set & {"per", "burst"}:
            raise ValueError("expected neither per nor burst with unit concurrent: it counts what is in flight now")
        return self


def _scoped(limits: tuple[LimitSettings, ...], allowed: frozenset[Scope]) -> None:
    for limit in limits:
        if limit.scope not in allowed:
            expected = ", ".join(scope for scope in Scope if scope in allowed)
            raise ValueError(f"found a limit of scope {limit.scope.value}, expected one of {expected}")


class ContractSettings(Section):
    """What answers show, and no more. `off` switches one reduction off; the top label and the order never change."""

    decimals: Annotated[int | None, Field(ge=0, le=15), Off] = Field(
        default=2, description="Decimals of scores in [0, 1]. Larger: more of the model leaves with each answer."
    )
    significant_digits: Annotated[int | None, Field(ge=1, le=17), Off] = Field(
        default=4, description="Significant digits of regression values and margins. Larger: more leaves."
    )
    top_k: Annotated[int | None, Field(ge=1), Off] = Field(
        default=None, description="Scores of the best so many classes only, the others read 0. Larger: more leaves."
    )
    label_only: bool = Field(default=False, description="One-hot scores: the decision and nothing else.")
    threshold: float = Field(
        default=0.5, ge=0, le=1, description="A lone score in [0, 1] never moves to the other side of this."
    )
    log_probabilities: bool = Field(
        default=False, description="Leave log-probabilities of generated tokens in. True: the richest signal leaves."
    )
    top_log_probabilities: int = Field(
        default=5, ge=0, le=20, description="Alternatives a token where `log_probabilities` is true. Larger: more leaves."
    )
    outputs: Annotated[frozenset[Name] | None, Field(strict=False), Off] = Field(
        default=None, description="Names of the outputs that may leave; `off`: all that the format does not know as a leak."
    )
    embedding_dimensions: Annotated[int | None, Field(ge=1), Off] = Field(
        default=None, description="Keep the first so many coordinates and renormalise. Smaller: less leaves."
    )
    embedding_bits: Annotated[int | None, Field(ge=1, le=32), Off] = Field(
        default=8, description="Levels a coordinate, as a power of two. Smaller: less leaves."
    )
    kind: Annotated[OutputKind | None, Field(strict=False), Off] = Field(
        default=None, description="What undeclared numbers are; `off`: their values decide."
    )
    max_tokens: Annotated[int | None, Field(ge=1), Off] = Field(
        default=None, description="Generated tokens a choice; requests are clamped to it. Larger: more a request."
    )
    max_choices: int = Field(
        default=8, ge=1, description="Alternatives (`n`, `best_of`) a request may ask for. Larger: more samples a request."
    )


class TierSettings(Section):
    """What one class of customers is sold."""

    limits: tuple[LimitSettings, ...] = Field(
        default=(), strict=False, description="Limits by key, account and organisation; all hold together."
    )
    contract: ContractSettings = Field(default=ContractSettings(), description="What answers to this tier show.")

    @model_validator(mode="after")
    def _callers_only(self) -> Self:
        _scoped(self.limits, TIER_SCOPES)
        return self


class PriceSettings(Section):
    """What a query costs, in your currency; what limits in `money` count."""

    per_request: float = Field(default=0.0, ge=0, description="For each request.")
    per_row: float = Field(default=0.0, ge=0, description="For each row.")
    per_token: float = Field(default=0.0, ge=0, description="For each token read or generated.")


class ModelSettings(Section):
    """What is particular to one model, by the name that requests use."""

    contract: ContractSettings | None = Field(
        default=None, description="Replaces the whole contract of every caller's tier for this model."
    )
    price: PriceSettings = Field(default=PriceSettings(), description="What a query to this model costs.")


class LimitsSettings(Section):
    """How limits act, and those that callers share."""

    mode: Literal["shadow", "enforce"] = Field(
        default="shadow",
        description="`shadow` counts and reports what would have been refused, and refuses nobody; `enforce` refuses.",
    )
    default_tier: Name = Field(default="free", description="The tier of callers that name none, or one that is not declared.")
    shared: tuple[LimitSettings, ...] = Field(
        default=(LimitSettings(scope=Scope.ADDRESS, unit=Unit.ROWS, amount=1000),),
        strict=False,
        description=(
            "Limits by address (refuses only callers whose identity nobody vouched for), by model, and over all callers."
        ),
    )

    @model_validator(mode="after")
    def _shared_only(self) -> Self:
        _scoped(self.shared, SHARED_SCOPES)
        return self


Factor = Annotated[float, Field(ge=0, le=1)]


_DECIMALS = "At most so many decimals of scores in [0, 1]. Smaller: less leaves."
_DIGITS = "At most so many significant digits of regression values and margins. Smaller: less leaves."
_BITS = "Levels a coordinate of embeddings, as a power of two, at most. Smaller: less leaves."


class CoarserSettings(Section):
    """What watched accounts see less of than their contract sells. Neither shape nor top label of an answer ever changes."""

    decimals: Annotated[int | None, Field(ge=0, le=15), Off] = Field(default=None, description=_DECIMALS)
    significant_digits: Annotated[int | None, Field(ge=1, le=17), Off] = Field(default=None, description=_DIGITS)
    top_k: Annotated[int | None, Field(ge=1), Off] = Field(
        default=None, description="Scores of at most so many classes, the others read 0. Smaller: less leaves."
    )
    label_only: bool = Field(default=False, description="One-hot scores: the decision and nothing else.")
    embedding_bits: Annotated[int | None, Field(ge=1, le=32), Off] = Field(default=None, description=_BITS)
    max_tokens: Annotated[int | None, Field(ge=1), Off] = Field(
        default=None,
        description="Generated tokens a choice, at most. Smaller: less leaves, and a caller may notice that texts end early.",
    )


class RestrictedSettings(CoarserSettings):
    """What restricted accounts see less of than their contract sells. Neither shape nor top label of an answer ever changes."""

    decimals: Annotated[int | None, Field(ge=0, le=15), Off] = Field(default=1, description=_DECIMALS)
    significant_digits: Annotated[int | None, Field(ge=1, le=17), Off] = Field(default=2, description=_DIGITS)
    embedding_bits: Annotated[int | None, Field(ge=1, le=32), Off] = Field(default=6, description=_BITS)


class AnswersSettings(Section):
    """What answers show less of, by standing."""

    watched: CoarserSettings = Field(default=CoarserSettings(), description="Watched accounts.")
    restricted: RestrictedSettings = Field(default=RestrictedSettings(), description="Restricted accounts.")


class StandingSettings(Section):
    """The factor on every limit of an account by its standing (suspended and terminated accounts get 0), and its answers."""

    good: Factor = Field(default=1.0, description="Accounts in good standing.")
    watched: Factor = Field(default=1.0, description="Accounts that a person looks at.")
    restricted: Factor = Field(
        default=0.25,
        description="Accounts that are slowed down. Smaller: a thief needs longer, an honest customer notices sooner.",
    )
    answers: AnswersSettings = Field(default=AnswersSettings(), description="What answers show less of.")


SHIPPED_TIERS: dict[str, TierSettings] = {
    "free": TierSettings(
        limits=(
            LimitSettings(scope=Scope.ACCOUNT, unit=Unit.ROWS, amount=100),
            LimitSettings(scope=Scope.KEY, unit=Unit.ROWS, amount=100),
        )
    ),
    "enterprise": TierSettings(limits=(LimitSettings(scope=Scope.ACCOUNT, unit=Unit.ROWS, amount=10_000),)),
}
"""The two tiers that need no configuration; a table of the same name changes only the keys that it gives."""
