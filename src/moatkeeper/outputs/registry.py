"""The output policies by name: one line each, and the contract tests cover it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from moatkeeper.errors import ConfigError
from moatkeeper.outputs.base import OutputPolicy
from moatkeeper.outputs.least import LeastOutput

POLICIES: Mapping[str, OutputPolicy] = MappingProxyType({policy.name: policy for policy in (LeastOutput(),)})


def output_policy(name: str) -> OutputPolicy:
    """The policy of that name; raises ConfigError for one that is not in the registry."""
    try:
        return POLICIES[name]
    except KeyError:
        raise ConfigError(
            f"output policy {name!r} is not known; expected one of {', '.join(sorted(POLICIES))}",
            hint="write one of the names listed, or leave the setting out",
        ) from None
