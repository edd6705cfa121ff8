"""What the engine remembers, in this process: buckets and standings in dictionaries, bounded, with snapshots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from math import isfinite

import orjson

from moatkeeper.core.judgement import Standing
from moatkeeper.errors import StoreError
from moatkeeper.limits.base import BucketState
from moatkeeper.limits.concurrency import counts_in_flight
from moatkeeper.limits.registry import Bucket, parse_bucket, strategy_of_bucket
from moatkeeper.patterns.cases import Watching

MOST_BUCKETS = 1_000_000
"""About 300 MB: three buckets each for a third of a million callers."""

SWEPT_AT_ONCE = 1_000
"""Well under a millisecond or two of work, so that a sweep between two requests is not felt."""

_SAMPLE = 64  # buckets looked at when one must go; larger: a better choice, a longer stop
_EVICTED = 16  # of them; larger: fewer stops, a worse choice

_NUMBERS = frozenset({int, float})  # bool is neither

_FORMAT = "moatkeeper-memory"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Use:
    """What one bucket counts as used, for people who look."""

    bucket: Bucket
    used: float


class InMemory:
    """The engine's memory for one process, of at most ``most_buckets`` buckets.

    Idle buckets go when ``sweep`` is called, now and then, with the time; nothing here knows a clock. Buckets lie in two
    generations: a sweep moves those that still count from the old to the young one, a bounded number at a time, and
    begins again when the old one is empty. At the limit, buckets that hold consumption have to go; see ``_evict``.
    """

    def __init__(self, most_buckets: int = MOST_BUCKETS) -> None:
        self._most = most_buckets
        self._young: dict[str, BucketState] = {}
        self._old: dict[str, BucketState] = {}
        self._standings: dict[str, Standing] = {}
        self._swept_at = 0.0  # the latest time known here; the earlier, the more counts as used
        self.watching = Watching()  # empty after a restart, unless somebody puts stored cases in
        self.evicted = 0  # buckets that still counted and had to go: above 0, raise most_buckets

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def bucket(self, key: str) -> BucketState:
        """The state of a bucket; the empty tuple where nothing is known."""
        state = self._young.get(key)
        return state if state else self._old.get(key, ())

    def apply(self, changes: Mapping[str, BucketState]) -> None:
        """Replaces the named buckets; an empty state is forgotten."""
        young, old = self._young, self._old
        young.update(changes)
        if old:
            for key in changes:
                old.pop(key, None)
        if () in changes.values():
            for key, state in changes.items():
                if not state:
                    del young[key]
        while len(young) + len(old) > self._most and self._evict():
            pass

    def standing(self, account: str) -> Standing:
        """The standing of an account; GOOD where nothing is known."""
        return self._standings.get(account, Standing.GOOD)

    def stand(self, account: str, standing: Standing) -> None:
        """Sets the standing of an account. Who may do that, and the record of it, are the caller's affair."""
        if standing is Standing.GOOD:
            self._standings.pop(account, None)
        else:
            self._standings[account] = standing

    def standings(self) -> Mapping[str, Standing]:
        """All accounts whose standing is not GOOD."""
        return dict(self._standings)

    def sweep(self, at: float, most: int = SWEPT_AT_ONCE) -> int:
        """Forgets idle buckets among the next ``most``; how many went. To be called about once a second."""
        self._swept_at = at
        if not self._old:
            self._old, self._young = self._young, {}
        young, old = self._young, self._old
        forgotten = 0
        for _ in range(min(most, len(old))):
            key, state = old.popitem()
            if strategy_of_bucket(key).used(state, at) > 0:
                young[key] = state
            else:
                forgotten += 1
        return forgotten

    def uses(self, at: float, account: str | None = None) -> Iterator[Use]:
        """What every bucket counts as used, or those of one account; to be read to its end before the next query."""
        for key, state in chain(self._young.items(), self._old.items()):
            if account is None or key.startswith(f"account:{account}:"):
                bucket = parse_bucket(key)
                if account is None or bucket.owner == account:
                    yield Use(bucket, strategy_of_bucket(key).used(state, at))

    def snapshot(self, *, in_flight: bool = False) -> bytes:
        """Everything known, as JSON in UTF-8. Without ``in_flight`` it suits a restart, after which nothing is in flight."""
        buckets = {
            key: state
            for key, state in chain(self._old.items(), self._young.items())
            if in_flight or not counts_in_flight(state)
        }
        document = {"format": _FORMAT, "version": _VERSION, "standings": self._standings, "buckets": buckets}
        return orjson.dumps(document)

    @classmethod
    def restore(cls, snapshot: bytes, most_buckets: int = MOST_BUCKETS) -> InMemory:
        """The memory that a snapshot holds; raises StoreError for anything that is not a whole snapshot of this version."""
        memory = cls(most_buckets)
        try:
            document = orjson.loads(snapshot)
            found = (document["format"], document["version"])
            if found != (_FORMAT, _VERSION):
                raise ValueError(f"found format {found[0]!r} version {found[1]!r}")
            for account, standing in document["standings"].items():
                memory.stand(account, Standing(standing))
            memory.apply({key: _checked(key, state) for key, state in document["buckets"].items()})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(
                f"this is no snapshot of the engine's memory: {error}; expected {_FORMAT} version {_VERSION}",
                hint="Remove the file to begin with empty limits, or start the version that wrote it.",
            ) from error
        return memory

    def _evict(self) -> bool:
        """Makes room at the cost of the least consumption; whether anything could go.

        Of the last buckets touched in the older generation, the limit with the most of them (whose owners are being
        made up, if anybody's are) loses those with the least use. What is in flight stays: to forget it would free places.
        Inventing owners therefore mostly pushes out invented owners; a caller who has used much of a limit keeps it.
        """
        generation = self._old or self._young
        sample = [generation.popitem() for _ in range(min(_SAMPLE, len(generation)))]
        limits = Counter(parse_bucket(key).limit for key, state in sample if not counts_in_flight(state))
        if not limits:
            generation.update(reversed(sample))
            return False
        crowded = limits.most_common(1)[0][0]
        uses = [
            (strategy_of_bucket(key).used(state, self._swept_at), key)
            for key, state in sample
            if parse_bucket(key).limit == crowded
        ]
        gone = {key for _, key in sorted(uses)[:_EVICTED]}
        self._young.update((key, state) for key, state in reversed(sample) if key not in gone)
        self.evicted += len(gone)
        return True


def _checked(key: str, state: list[float]) -> BucketState:
    """A bucket as the engine knows it; ``ValueError`` or ``TypeError`` for anything else."""
    parse_bucket(key)
    if not state or not _NUMBERS.issuperset(map(type, state)) or not isfinite(sum(state)):
        raise ValueError(f"the bucket {key!r} holds {state!r}, expected finite numbers")
    return tuple(state)
