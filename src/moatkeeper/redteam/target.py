"""Whom the red team may attack: this machine, and what its user says in writing that they own."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address
from urllib.parse import urlsplit

from moatkeeper.errors import UsageError

_LOOPBACK = IPv4Network("127.0.0.0/8")


def check_target(url: str, ownership: str | None = None) -> None:
    """Raises UsageError unless ``url`` is on this machine or ``ownership`` is a written statement that names its host.

    Names other than ``localhost`` are never resolved: what a name points to may change between the check and the attack.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"the target {url!r} is not an http or https address", hint="Give it as http://127.0.0.1:PORT.")
    if _is_loopback(parts.hostname) or _states_ownership(ownership, parts.hostname):
        return
    raise UsageError(
        f"the target {parts.hostname!r} is not on this machine, and no statement of ownership names it",
        hint="Attack only what you own or were asked in writing to test; the statement must contain the host's name.",
    )


def is_here(url: str) -> bool:
    """Whether an address is on this machine, so that attacking it needs nobody's word."""
    return _is_loopback(urlsplit(url).hostname or "")


def place_of(url: str) -> str:
    """An address without what may be secret in it: no user, no password, no query."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback if address.version == 6 else address in _LOOPBACK


def _states_ownership(statement: str | None, host: str) -> bool:
    return statement is not None and host in statement.lower().replace(",", " ").split()
