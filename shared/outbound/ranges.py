"""Which addresses are public: globally routable unicast addresses, of a single machine or service.

The tables are IANA's registries of special-purpose addresses, as updated on 2025-10-09:
https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
Rows that lie within another row are left out. Rows that IANA marks as globally reachable are
refused like the others: they are anycast services of the nearest network (PCP and TURN, whose
answers come from the own NAT gateway, AMT, AS112) or identifiers that are not routed (ORCHIDv2,
DRIP). Multicast is in registries of its own.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

SPECIAL_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private use
        "100.64.0.0/10",  # shared address space, behind a provider's NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private use
        "192.0.0.0/24",  # IETF protocol assignments; PCP and TURN anycast, NAT64 discovery
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relay anycast, deprecated
        "192.168.0.0/16",  # private use
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; limited broadcast
    )
)

GLOBAL_UNICAST = IPv6Network("2000::/3")  # IANA gives out no other IPv6 addresses (RFC 4291)
SPECIAL_IPV6 = tuple(  # within 2000::/3
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments; Teredo, AMT, AS112, ORCHIDv2, DRIP
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

_MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, deprecated
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # RFC 2765
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215
_TEREDO = IPv6Network("2001::/32")  # RFC 4380
_6TO4 = IPv6Network("2002::/16")  # RFC 3056
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214: the upper half of an interface identifier
# What is sent to one of these goes to the IPv4 address within it. A compatible address does not:
# nothing carries it, so it is refused whatever it holds.
_CARRIERS = (_MAPPED, _NAT64, _TEREDO, _6TO4)

# The clouds' metadata services give credentials to any caller; refused in an allowed network too.
METADATA = tuple(
    IPv4Network(network)
    for network in (
        "169.254.0.0/16",  # AWS, GCP, Azure, OCI, DigitalOcean, Hetzner, Scaleway, Tencent and more
        "100.96.0.96/32",  # Volcengine
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure's WireServer, which is a public address
        "192.0.0.192/32",  # Oracle Cloud Classic
    )
) + tuple(
    IPv6Network(network)
    for network in (
        "fe80::/10",  # OpenStack, and link-local as above
        "fd00:ec2::/32",  # AWS
        "fd00:42::42/128",  # Scaleway
        "fd00:100::100:200/128",  # Alibaba
        "fd00:a9fe:a9fe::/48",  # Akamai
        "fd00:c1::a9fe:a9fe/128",  # OCI
        "fd20:ce::254/128",  # GCP
    )
)
METADATA_NAMES = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.packet.net",
        "metadata.platformequinix.com",
        "metadata.tencentyun.com",
    }
)
_UNSPECIFIED = (IPv4Network("0.0.0.0/8"), IPv6Network("::/128"))  # Linux connects them to itself


def is_public(address: Address) -> bool:
    """Whether `address` is a public one; an IPv4 address within it must be public too."""
    if isinstance(address, IPv4Address):
        return not _in(address, SPECIAL_IPV4)
    if not all(is_public(held) for held in held_ipv4(address)):
        return False
    if _in(address, _CARRIERS):
        return True
    return address in GLOBAL_UNICAST and not _in(address, SPECIAL_IPV6)


def is_never_called(address: Address) -> bool:
    """Whether `address`, or one within it, is refused even where the operator allows its network.

    Besides metadata these are unspecified addresses, which stand for the machine itself.
    """
    held = held_ipv4(address) if isinstance(address, IPv6Address) else ()
    return any(_in(one, (*METADATA, *_UNSPECIFIED)) for one in (address, *held))


def held_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that `address` holds, by every scheme whose form it has."""
    return tuple(IPv4Address(number) for number in _held(address))


def plain(address: Address) -> Address:
    """`address`, or the IPv4 address that a mapped one stands for; without a zone."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def _held(address: IPv6Address) -> Iterator[int]:
    number = int(address)
    last = number & 0xFFFF_FFFF
    if _in(address, (_MAPPED, _TRANSLATED, _NAT64)) or (address in _COMPATIBLE and number > 1):
        yield last
    elif address in _NAT64_LOCAL:
        yield from _held_by_local_nat64(number)
    elif address in _TEREDO:
        yield number >> 64 & 0xFFFF_FFFF  # the server
        yield last ^ 0xFFFF_FFFF  # the client
    elif address in _6TO4:
        yield number >> 80 & 0xFFFF_FFFF
    if number >> 32 & 0xFFFF_FFFF in _ISATAP:
        yield last


def _held_by_local_nat64(number: int) -> Iterator[int]:
    """By RFC 6052, section 2.2, the length of the prefix says where the IPv4 address stands.

    It is not known here, so each length whose suffix is zero counts; bits 64 to 71 are left out.
    """
    without_u = number >> 64 << 56 | number & (1 << 56) - 1  # 120 bits
    suffixed = [bits for bits in (40, 32, 24) if number & (1 << bits) - 1 == 0]
    yield from (without_u >> bits & 0xFFFF_FFFF for bits in suffixed)
    if not suffixed:
        yield number & 0xFFFF_FFFF


def _in(address: Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)
