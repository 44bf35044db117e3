"""Every special range of IPv4 and IPv6, at its edges and beside them."""

from ipaddress import IPv6Address, ip_address, ip_network

from shared.outbound import Policy
from shared.outbound.ranges import held_ipv4, is_public
from tests.support.cases import every_case

# Every row of IANA's registries of special-purpose addresses, as updated on 2025-10-09, with those
# that lie within another row and those that are marked as globally reachable; and multicast.
ROWS = """
0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
192.0.0.0/24 192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32
192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.88.99.2/32 192.168.0.0/16
192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
255.255.255.255/32
::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23
2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48
2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20
5f00::/16 fc00::/7 fe80::/10 ff00::/8
"""
# Reserved by IETF besides, or deprecated (RFC 4291 and IANA's table of the IPv6 address space).
RESERVED = " ::/8 100::/8 200::/7 400::/6 800::/5 1000::/4 4000::/3 fe00::/9 fec0::/10"

NEIGHBOURS = """
1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.1.255
192.0.3.0 192.31.195.255 192.31.197.0 192.52.192.255 192.52.194.0 192.88.98.255 192.88.100.0
192.167.255.255 192.169.0.0 192.175.47.255 192.175.49.0 198.17.255.255 198.20.0.0 198.51.99.255
198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
2000:: 2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:200:: 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff
2001:db9:: 2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2003::
2620:4f:7fff:ffff:ffff:ffff:ffff:ffff 2620:4f:8001:: 3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff
3fff:1000:: 3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
"""

# Each scheme that puts an IPv4 address into an IPv6 address, as it is written with 8.8.8.8,
# with 10.0.0.1 and with 169.254.169.254.
HOLDERS = [
    ("::ffff:8.8.8.8", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    ("64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254"),
    ("2002:808:808::1", "2002:a00:1::1", "2002:a9fe:a9fe::1"),
    # Teredo: the server, and the client with all bits turned
    ("2001:0:808:808::f7f7:f7f7", "2001:0:a00:1::f7f7:f7f7", "2001:0:a9fe:a9fe::f7f7:f7f7"),
    ("2001:0:808:808::f7f7:f7f7", "2001:0:808:808::f5ff:fffe", "2001:0:808:808::5601:5601"),
    # ISATAP
    ("2600::5efe:808:808", "2600::5efe:a00:1", "2600::5efe:a9fe:a9fe"),
    ("2600::200:5efe:808:808", "2600::200:5efe:a00:1", "2600::200:5efe:a9fe:a9fe"),
]
# Nothing routes these, whatever they hold: compatible, translated, and NAT64 of a local prefix of
# 96, 64, 56 and 48 bits.
UNROUTED = [
    ("::8.8.8.8", "::10.0.0.1", "::169.254.169.254"),
    ("::ffff:0:8.8.8.8", "::ffff:0:10.0.0.1", "::ffff:0:169.254.169.254"),
    ("64:ff9b:1::8.8.8.8", "64:ff9b:1::10.0.0.1", "64:ff9b:1::169.254.169.254"),
    ("64:ff9b:1::8:808:800:0", "64:ff9b:1::a:0:100:0", "64:ff9b:1::a9:fea9:fe00:0"),
    ("64:ff9b:1:8:8:808::", "64:ff9b:1:a:0:1::", "64:ff9b:1:a9:fe:a9fe::"),
    ("64:ff9b:1:808:8:800::", "64:ff9b:1:a00:0:100::", "64:ff9b:1:a9fe:a9:fe00::"),
]
METADATA = """
169.254.169.254 169.254.169.253 169.254.170.2 169.254.170.23 169.254.42.42 169.254.0.23
100.96.0.96 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254
fd00:42::42 fd00:c1::a9fe:a9fe fd00:a9fe:a9fe::1 fd00:100::100:200 fe80::a9fe:a9fe
"""
EVERYTHING = Policy(networks=(ip_network("0.0.0.0/0"), ip_network("::/0")))


@every_case("row", (ROWS + RESERVED).split())
def test_no_special_range_is_public_at_its_first_and_its_last_address(row: str) -> None:
    network = ip_network(row)
    assert not is_public(network[0])
    assert not is_public(network[-1])


@every_case("address", NEIGHBOURS.split())
def test_what_lies_beside_a_special_range_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@every_case("public, private, metadata", HOLDERS)
def test_an_ipv4_address_within_an_ipv6_address_is_judged_as_what_it_is(
    public: str, private: str, metadata: str
) -> None:
    assert is_public(ip_address(public))
    assert not is_public(ip_address(private))
    assert not is_public(ip_address(metadata))


@every_case("public, private, metadata", UNROUTED)
def test_an_ipv4_address_within_what_is_not_routed_is_found_and_refused(
    public: str, private: str, metadata: str
) -> None:
    for text, held in ((public, "8.8.8.8"), (private, "10.0.0.1"), (metadata, "169.254.169.254")):
        assert not is_public(ip_address(text))
        assert ip_address(held) in held_ipv4(IPv6Address(text))


@every_case("address", METADATA.split())
def test_metadata_is_refused_though_its_network_is_allowed(address: str) -> None:
    assert not EVERYTHING.allows(ip_address(address))


@every_case("public, private, metadata", [*HOLDERS, *UNROUTED])
def test_metadata_within_an_ipv6_address_is_refused_though_its_network_is_allowed(
    public: str, private: str, metadata: str
) -> None:
    if (public, private, metadata) in HOLDERS:
        assert EVERYTHING.allows(ip_address(public))
        assert EVERYTHING.allows(ip_address(private))
    assert not EVERYTHING.allows(ip_address(metadata))


@every_case("address", ["0.0.0.1", "0.255.255.255", "::", "::ffff:0.0.0.0", "64:ff9b::"])
def test_an_unspecified_address_is_refused_though_its_network_is_allowed(address: str) -> None:
    assert not EVERYTHING.allows(ip_address(address))


def test_azures_metadata_is_refused_though_its_address_is_public() -> None:
    assert is_public(ip_address("168.63.129.16"))
    assert not Policy().allows(ip_address("168.63.129.16"))


def test_an_allowed_network_allows_its_addresses_alone() -> None:
    policy = Policy(networks=(ip_network("10.1.0.0/16"), ip_network("fd12::/16")))
    for allowed in ("10.1.0.0", "10.1.255.255", "fd12::1", "::ffff:10.1.2.3", "8.8.8.8"):
        assert policy.allows(ip_address(allowed)), allowed
    for refused in ("10.0.255.255", "10.2.0.0", "fd13::1", "::ffff:10.2.0.0", "127.0.0.1", "::1"):
        assert not policy.allows(ip_address(refused)), refused


def test_an_allowed_ipv6_network_does_not_allow_the_private_ipv4_addresses_within_it() -> None:
    policy = Policy(networks=(ip_network("fd12::/16"), ip_network("64:ff9b:1::/48")))
    assert policy.allows(ip_address("64:ff9b:1::8.8.8.8"))
    assert not policy.allows(ip_address("64:ff9b:1::10.0.0.1"))
    assert not policy.allows(ip_address("fd12::5efe:10.0.0.1"))


def test_the_loopback_of_ipv6_can_be_allowed() -> None:
    assert Policy(networks=(ip_network("::1/128"),)).allows(ip_address("::1"))
