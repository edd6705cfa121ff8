"""Settings of the wire: paths into documents look like paths."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from moatkeeper.config.settings_wire import GenericSettings, WireSettings

ROUTE = {"match": "POST /score", "input": "$.features", "scores": "$.probs[*]"}


def test_without_a_word_every_format_is_spoken() -> None:
    assert WireSettings().formats is None


def test_a_generic_route_needs_only_its_path_and_where_the_rows_are() -> None:
    route = GenericSettings.model_validate({"match": "POST /score", "input": "$.features"})
    assert (route.scores, route.keep) == (None, ())


@pytest.mark.parametrize(
    "change", [{"match": "/score"}, {"match": "post /score"}, {"input": "features"}, {"keep": ["id"]}, {"scores": "$..x"}]
)
def test_what_is_no_path_is_a_fault(change: dict[str, object]) -> None:
    GenericSettings.model_validate(ROUTE)
    with pytest.raises(ValidationError):
        GenericSettings.model_validate({**ROUTE, **change})
