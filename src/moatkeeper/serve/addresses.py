"""Where a request came from: the nearest address that no trusted proxy vouches beyond."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPV6_PREFIX_BITS = 64
"""One subscriber commonly holds a whole /64, and can send from any address in it."""

MAX_HOPS = 32
"""Hops read from the right of a forwarding header; a longer chain is cut, never believed further."""

CACHE_SIZE = 65_536
"""Peers whose network is remembered in text form; a full cache is emptied, which costs time and nothing else."""

UNKNOWN = "unknown"


class Addresses:
    """Turns a peer and its forwarding headers into one network: an IPv4 address or an IPv6 /64.

    Forwarded addresses are believed only where the peer itself lies in ``trusted_proxies`` (CIDR texts), and are read from
    the right: the first hop that is not a trusted proxy is the caller. What stands left of it is the caller's own claim.
    """

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        self._trusted = tuple(ip_network(text, strict=False) for text in trusted_proxies)
        self._peers: dict[str, tuple[str, bool]] = {}

    def peer(self, host: str) -> tuple[str, bool]:
        """The network of a directly connected peer, and whether that peer is a trusted proxy."""
        known = self._peers.get(host)
        if known is None:
            address = _parse(host)
            trusted = address is not None and self._is_trusted(address)
            known = (network_of(address) if address is not None else UNKNOWN, trusted)
            if len(self._peers) >= CACHE_SIZE:
                self._peers.clear()
            self._peers[host] = known
        return known

    def forwarded(self, peer_network: str, x_forwarded_for: bytes, forwarded: bytes) -> str:
        """The caller's network, seen through a trusted peer. A header that cannot be read leaves it at the last good hop.

        ``x_forwarded_for`` and ``forwarded`` (RFC 7239) are the joined header values, empty where absent; X-Forwarded-For
        wins where both are given.
        """
        hops = _x_forwarded_for(x_forwarded_for) if x_forwarded_for else _forwarded(forwarded)
        nearest = peer_network
        for text in hops[: -MAX_HOPS - 1 : -1]:
            address = _parse(text)
            if address is None:
                return nearest
            nearest = network_of(address)
            if not self._is_trusted(address):
                return nearest
        return nearest

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def network_of(address: IPv4Address | IPv6Address) -> str:
    """An IPv4 address in text, or the /64 of an IPv6 address; an IPv4 address mapped into IPv6 is the IPv4 address."""
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        if mapped is not None:
            return str(mapped)
        return str(ip_network((int(address) >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS, IPV6_PREFIX_BITS)))
    return str(address)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address with or without brackets, port or zone; None for ``unknown``, obfuscated names and anything else."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    text = text.partition("%")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _x_forwarded_for(value: bytes) -> list[str]:
    return value.decode("latin-1").split(",")


def _forwarded(value: bytes) -> list[str]:
    """The ``for`` parameters of RFC 7239 hops, left to right; an empty text for a hop without one."""
    hops = []
    for hop in value.decode("latin-1").split(",") if value else []:
        sender = ""
        for pair in hop.split(";"):
            name, _, content = pair.partition("=")
            if name.strip().lower() == "for":
                sender = content
        hops.append(sender)
    return hops
