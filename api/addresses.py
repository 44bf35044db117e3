"""Addresses of clients: which networks they are in, and by what they are counted."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # at run time this would import ssl before gevent has patched it
    from collections.abc import Collection

    from shared.setting_types import Network


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Returns the address; None where the text is none, as for a client on a UNIX socket."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both versions reports an IPv4 client as ::ffff:10.0.0.1.
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def is_in(text: str, networks: Collection[Network]) -> bool:
    """Whether the text is an address in one of the networks."""
    address = parsed(text)
    return address is not None and any(address in network for network in networks)


def behind_proxies(peer: str, forwarded: str, proxies: Collection[Network]) -> str:
    """Returns the client's address: the last one in the chain that is not a trusted proxy's.

    forwarded: X-Forwarded-For. It is read from its end, and only as far as trusted proxies wrote
    it: the client sent the rest and may have sent anything.
    """
    address, hops = peer, forwarded.split(",")
    while hops and is_in(address, proxies):
        hop = hops.pop().strip()
        if parsed(hop) is None:
            break
        address = hop
    return address


@lru_cache(maxsize=4096)  # it is asked twice for each request
def counted_as(text: str, proxies: tuple[Network, ...]) -> str | None:
    """Returns what a client's share is counted by; None where it has no bound by address.

    An IPv6 client has a whole /64 network of addresses, so its network is counted. A trusted proxy,
    and whoever uses a UNIX socket, stands for many clients.
    """
    address = parsed(text)
    if address is None or is_in(text, proxies):
        return None
    return str(ip_network((address, 64), strict=False) if address.version == 6 else address)
