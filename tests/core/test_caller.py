"""Callers: only what somebody vouched for counts as verified."""

from __future__ import annotations

from moatkeeper.core.caller import Basis


def test_a_presented_token_or_an_address_vouches_for_nobody() -> None:
    assert {basis for basis in Basis if not basis.verified} == {Basis.BEARER, Basis.ADDRESS}
