"""Settings of the process: safe addresses by default, no credentials in a URL, exceptions by path."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from moatkeeper.config.settings_server import RouteOverride, ServerSettings, UpstreamSettings


def test_nothing_listens_to_the_network_unless_told() -> None:
    assert ServerSettings().host == ServerSettings().admin_host == "127.0.0.1"


def test_a_slash_at_the_end_of_the_upstream_makes_no_difference() -> None:
    assert UpstreamSettings.model_validate({"url": "http://127.0.0.1:8000/"}).url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "wrong",
    ["127.0.0.1:8000", "ftp://host", "http://", "http://user:pass@host", "http://host?x=1", "http://host#x", "http://h:x"],
)
def test_an_upstream_is_a_plain_http_address_without_credentials(wrong: str) -> None:
    with pytest.raises(ValidationError):
        UpstreamSettings.model_validate({"url": wrong})


def test_an_override_covers_the_paths_that_its_pattern_matches_and_no_other() -> None:
    override = RouteOverride.model_validate({"match": "/v1/embeddings*", "fail": "closed"})
    assert override.covers("/v1/embeddings")
    assert override.covers("/v1/embeddings/x")
    assert not override.covers("/v1/chat/completions")
    assert not override.covers("/V1/embeddings")
