"""What the engine remembers, in this process: buckets and standings in dictionaries."""

from __future__ import annotations

from collections.abc import Mapping

from moatkeeper.core.judgement import Standing
from moatkeeper.limits.base import BucketState


class InMemory:
    """The engine's memory for one process."""

    def __init__(self) -> None:
        self._buckets: dict[str, BucketState] = {}
        self._standings: dict[str, Standing] = {}

    def bucket(self, key: str) -> BucketState:
        """The state of a bucket; the empty tuple where nothing is known."""
        return self._buckets.get(key, ())

    def apply(self, changes: Mapping[str, BucketState]) -> None:
        """Replaces the named buckets; an empty state is forgotten."""
        for key, state in changes.items():
            if state:
                self._buckets[key] = state
            else:
                self._buckets.pop(key, None)

    def standing(self, account: str) -> Standing:
        """The standing of an account; GOOD where nothing is known."""
        return self._standings.get(account, Standing.GOOD)

    def stand(self, account: str, standing: Standing) -> None:
        """Sets the standing of an account."""
        if standing is Standing.GOOD:
            self._standings.pop(account, None)
        else:
            self._standings[account] = standing
