"""Settings of the wire: which protocols are spoken, and how any other JSON API is read."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from moatkeeper.config.quantities import Section, Takes
from moatkeeper.errors import ConfigError
from moatkeeper.wire.generic_paths import parse_path


def _json_path(value: str) -> str:
    try:
        return parse_path(value).text
    except ConfigError as error:
        raise ValueError("no such path") from error


JsonPath = Annotated[str, AfterValidator(_json_path), Takes('a path such as "$.scores[*]", "$.items[0].x" or "$"')]
MethodAndPath = Annotated[str, Field(pattern=r"^[A-Z]+ /\S*$"), Takes('a method and a path such as "POST /score"')]


class GenericSettings(Section):
    """One route of a JSON API that none of the formats knows, by the paths of its fields."""

    match: MethodAndPath = Field(
        description=("Method and path, such as `POST /score`; `{name}` stands for any segment, `{model}` for the model.")
    )
    model: str = Field(default="", description="Name of the model in limits, prices and the ledger.")
    input: JsonPath = Field(description="Where the request's rows are, such as `$.features`.")
    label: JsonPath | None = Field(default=None, description="Where the answer's decision is; it goes out as it is.")
    scores: JsonPath | None = Field(default=None, description="Where the answer's class scores are, such as `$.probs[*]`.")
    values: JsonPath | None = Field(default=None, description="Where the answer's regression values are.")
    embedding: JsonPath | None = Field(default=None, description="Where the answer's embedding is.")
    keep: tuple[JsonPath, ...] = Field(
        default=(), strict=False, description="Further fields of the answer that may leave; all others are removed."
    )


class WireSettings(Section):
    """Which requests are understood. Every path that no format declares is refused."""

    formats: tuple[str, ...] | None = Field(
        default=None,
        strict=False,
        description=("Names of the formats that are spoken, in the order of matching; without it, all of them."),
    )
    generic: tuple[GenericSettings, ...] = Field(
        default=(), strict=False, description="Routes of other JSON APIs; they match before the formats."
    )
