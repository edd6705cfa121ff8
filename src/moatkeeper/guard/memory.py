"""What the engine remembers between queries, behind four verbs: any store that has them will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from moatkeeper.core.judgement import Standing
from moatkeeper.limits.base import BucketState
from moatkeeper.patterns.cases import Watching


class Memory(Protocol):
    """Buckets by key and standings by account. The engine reads, decides, and hands all changes over in one call."""

    @property
    def watching(self) -> Watching:
        """What detectors know of accounts, and the exchanges that wait for them."""
        ...

    def bucket(self, key: str) -> BucketState:
        """The state of a bucket; the empty tuple where nothing is known."""
        ...

    def apply(self, changes: Mapping[str, BucketState]) -> None:
        """Replaces the named buckets, all of them or, on an error, none."""
        ...

    def standing(self, account: str) -> Standing:
        """The standing of an account; GOOD where nothing is known."""
        ...

    def stand(self, account: str, standing: Standing) -> None:
        """Sets the standing of an account. Who may do that, and the record of it, are the caller's affair."""
        ...
