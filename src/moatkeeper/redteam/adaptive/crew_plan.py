"""How a crew of accounts goes about a theft: a table of choices, each with what it does when turned up."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from moatkeeper.core.caller import Basis
from moatkeeper.errors import UsageError
from moatkeeper.limits.base import Limit
from moatkeeper.redteam.expenses import PriceList


class Allocation(StrEnum):
    """Who asks what."""

    ROUND_ROBIN = "round-robin"
    TOPIC = "topic"
    REGION = "region"


class Timing(StrEnum):
    """How fast."""

    FAST = "fast"
    UNDER_LIMITS = "under-limits"
    HUMAN = "human"


class OnRefusal(StrEnum):
    """What becomes of a refused request."""

    WAIT = "wait"  # the account asks it again after Retry-After
    NEXT = "next"  # another account asks it at once; where all were refused, the first that is free again
    LEAVE = "leave"  # another account asks it at once; where all were refused, nobody does


class OnDetection(StrEnum):
    """What a crew does when its canary has changed."""

    ABANDON = "abandon"  # the account is left; the others go on
    STOP = "stop"  # the campaign ends


@dataclass(frozen=True, slots=True)
class Canary:
    """Known questions that are asked again, to see whether an account still gets the answers that it got at first."""

    every: int = 20  # requests of an account between two probes; larger: cheaper, later to notice
    rows: int = 3  # asked again each time; larger: a change of few answers is seen as well, and more is paid
    tolerance: float = 0.0  # of an answer's largest change; larger: blind to small changes, no alarm over fresh noise
    action: OnDetection = OnDetection.ABANDON


@dataclass(frozen=True, slots=True)
class CrewPlan:
    """Choices of one crew. The defaults are a single hasty account without limits to its purse."""

    accounts: int = 1  # 1 to 1,000 and beyond; larger: more allowances
    proxies: int = 1  # network addresses, shared among the accounts in turn; larger: fewer accounts an address
    rotate: bool = False  # True: every request comes from the next address; False: each account keeps its own
    allocation: Allocation = Allocation.ROUND_ROBIN
    timing: Timing = Timing.FAST
    on_refusal: OnRefusal = OnRefusal.NEXT
    rows_per_request: int = 50  # larger: fewer requests, and more of an account's last allowance left unused
    request_s: float = 0.2  # time that a request takes its account, an assumption; smaller: faster where nothing refuses
    limits: tuple[Limit, ...] = ()  # what the thief knows of the limits, for UNDER_LIMITS
    fraction: float = 0.8  # of the known limits that is used; larger: faster, and nearer to being refused
    start_days: float = 0.0  # HUMAN accounts begin within so many days; larger: no burst of new accounts to notice
    days: float = inf  # a hard end; nothing is asked after it
    money: float = inf  # a hard end, in US dollars; nothing is asked that it would not pay for
    prices: PriceList = field(default_factory=PriceList)
    canary: Canary | None = None
    tier: str = "default"
    basis: Basis = Basis.KEY
    name: str = "crew"  # of its accounts and keys, which another crew's must not share
    network: str = "198.18"  # first two numbers of its addresses; the default is set aside for measurements (RFC 2544)

    def __post_init__(self) -> None:
        if self.accounts < 1 or self.proxies < 1 or self.rows_per_request < 1:
            raise UsageError("a crew needs at least one account, one proxy and one row a request")
        if not 0 < self.fraction <= 1 or self.request_s < 0 or self.days < 0 or self.money < 0:
            raise UsageError(
                "a crew's fraction is above 0 and at most 1; its days, money and seconds a request are not below 0"
            )
