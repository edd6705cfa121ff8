"""Settings of identity: headers need a proxy that may send them, tokens need signatures that only their issuer can make."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from moatkeeper.config.settings_identity import SHARED_KEY_ALGORITHMS, IdentitySettings, JwtSettings
from moatkeeper.serve.tokens import ASYMMETRIC

JWT = {"keys_file": "keys.json", "issuer": "https://issuer.example", "audience": "models"}


def test_by_default_a_token_is_accepted_with_every_signature_that_only_its_issuer_can_make() -> None:
    assert JwtSettings.model_validate(JWT).algorithms == ASYMMETRIC


@pytest.mark.parametrize("name", SHARED_KEY_ALGORITHMS)
def test_a_shared_key_is_accepted_only_where_the_file_says_so(name: str) -> None:
    assert name not in JwtSettings.model_validate(JWT).algorithms
    assert JwtSettings.model_validate({**JWT, "algorithms": [name]}).algorithms == (name,)


@pytest.mark.parametrize("algorithms", [["none"], ["rs256"], []])
def test_a_token_without_a_signature_can_not_be_allowed(algorithms: list[str]) -> None:
    with pytest.raises(ValidationError):
        JwtSettings.model_validate({**JWT, "algorithms": algorithms})


def test_an_identity_header_that_nobody_may_send_is_a_fault() -> None:
    with pytest.raises(ValidationError, match="no trusted proxy"):
        IdentitySettings.model_validate({"header": {"account": "x-account"}})
    IdentitySettings.model_validate({"header": {"account": "x-account"}, "trusted_proxies": ["10.0.0.0/8"]})
