"""Output policies are found by their names."""

from __future__ import annotations

import pytest

from moatkeeper.errors import ConfigError
from moatkeeper.outputs.registry import POLICIES, output_policy


def test_every_policy_is_found_by_its_own_name() -> None:
    assert all(output_policy(name).name == name for name in POLICIES)


def test_an_unknown_policy_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(ConfigError, match="'most' is not known; expected one of least"):
        output_policy("most")
