"""What may be called, as the operator allows it."""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from shared.addresses import database_servers, redis_address
from shared.clients import tls
from shared.outbound.ranges import Address, held_ipv4, is_never_called, is_public, plain
from shared.outbound.resolver import Resolver, look_up, system_resolver
from shared.setting_types import Network
from shared.settings import Settings

_PORTS = (80, 443)


@dataclass(frozen=True)
class OwnServer:
    """A server of the service itself: its port at the addresses of its host is never called.

    Not the whole address: on a machine of its own, the operator's applications have the same one.
    for_clients: signed URLs lead clients to it. Then it is called where its address is public: on a
    provider's S3 it is the address of everybody's buckets, and another one a minute later.
    """

    host: str
    port: int
    for_clients: bool = False


@dataclass(frozen=True)
class Policy:
    """ports: besides 80 and 443. networks: allowed besides the public addresses.

    ca_file: certificates of private CAs, which are trusted besides the system's.
    step_seconds: how long nothing may come. call_seconds: how long a call may take in all.
    """

    ports: frozenset[int] = frozenset()
    networks: tuple[Network, ...] = ()
    own_servers: tuple[OwnServer, ...] = ()
    ca_file: Path | None = None
    resolver: Resolver = system_resolver
    step_seconds: float = 10
    call_seconds: float = 30

    @classmethod
    def of(cls, settings: Settings, resolver: Resolver = system_resolver) -> Self:
        """The policy of this service."""
        return cls(
            settings.outbound_ports,
            settings.outbound_networks,
            tuple(_own_servers(settings)),
            settings.ca_file,
            resolver,
        )

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Verifies a server by its name; made once, since it reads all CAs of the system."""
        context = tls.context(self.ca_file)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def allows_port(self, port: int) -> bool:
        """Whether this port may be called."""
        return port in _PORTS or port in self.ports

    def allows(self, address: Address) -> bool:
        """Whether this address may be called, unless an own server listens there."""
        address = plain(address)
        held = held_ipv4(address) if isinstance(address, IPv6Address) else ()
        return not is_never_called(address) and all(
            is_public(one) or any(one in network for network in self.networks)
            for one in (address, *held)
        )

    def is_own(self, addresses: Sequence[Address], port: int, *, seconds: float) -> bool:
        """Whether one of the own servers listens at one of these addresses.

        Looks up their names, each within `seconds`; a server whose name does not resolve now is not
        reached by it.
        """
        servers = [server for server in self.own_servers if server.port == port]
        own = {
            address
            for server in servers
            for address in self._addresses(server.host, seconds)
            if not (server.for_clients and is_public(address))
        }
        called = {plain(one) for one in addresses}
        if own & called:
            return True
        # What listens on all addresses of this machine is reached by each of them.
        return any(map(_is_local, own)) and any(map(_is_local, called))

    def _addresses(self, host: str, seconds: float) -> list[Address]:
        try:
            found = [ip_address(host)]
        except ValueError:
            found = look_up(host, self.resolver, seconds=seconds)
        return [plain(one) for one in found]


def _own_servers(settings: Settings) -> list[OwnServer]:
    redis = urlsplit(redis_address(settings.redis_url.get_secret_value()).url)
    store = urlsplit(settings.s3_endpoint)
    store_port = store.port or (443 if store.scheme == "https" else 80)
    for_clients = settings.s3_public_endpoint in (None, settings.s3_endpoint)
    database = database_servers(settings.database_url.get_secret_value())
    return [
        OwnServer(redis.hostname or "localhost", redis.port or 6379),
        OwnServer(store.hostname or "localhost", store_port, for_clients),
        *(OwnServer(host, port) for host, port in database),
    ]


def _is_local(address: Address) -> bool:
    """Whether this machine has the address: then it is also the source of what is sent there."""
    if address.is_loopback:
        return True
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))  # sends nothing: UDP
            return ip_address(probe.getsockname()[0]) == address
    except OSError:
        return False
