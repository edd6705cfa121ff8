"""What ties the accounts of a log to each other: organisations, networks and agents that it saw them with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

from moatkeeper.patterns.traits import MOST, Traits
from moatkeeper.store.logs.parts import Seen

_NETWORK_BITS = 64  # of an IPv6 address: one customer has so many addresses


def traits_of(seen: Seen) -> dict[str, Traits]:
    """The traits of each account, as far as the log says them.

    Keys are no traits: each account has its own, and two with one key are one account to most logs.
    """
    organisations: dict[str, str] = {}
    networks: defaultdict[str, set[str]] = defaultdict(set)
    agents: defaultdict[str, set[str]] = defaultdict(set)
    columns = (seen.accounts, seen.organisations, seen.addresses, seen.agents)
    for account, organisation, address, agent in zip(*columns, strict=True):
        if organisation:
            organisations[account] = min(organisation, organisations.get(account, organisation))
        if address and account != f"address {address}":
            networks[account].add(network_of(address))
        if agent:
            agents[account].add(agent)
    names = dict.fromkeys(seen.accounts)
    return {name: Traits(_few(networks[name]), _few(agents[name]), organisation=organisations.get(name, "")) for name in names}


def network_of(address: str) -> str:
    """An IPv4 address as it is, an IPv6 address as its network; anything else as it is written."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network(f"{address}/{_NETWORK_BITS}", strict=False)) if isinstance(found, IPv6Address) else str(found)


def _few(values: Iterable[str]) -> tuple[str, ...]:
    """Sorted; none of more than MOST, since whoever uses so many is not tied to others by them."""
    found = sorted(values)
    return tuple(found) if len(found) <= MOST else ()
