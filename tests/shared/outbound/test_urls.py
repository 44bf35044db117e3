"""The text of an address: what is refused before anything is looked up."""

from ipaddress import ip_network

import httpcore2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import NotAllowedError
from shared.outbound import Policy, check_url
from shared.outbound.urls import Target, parse_url
from tests.support.cases import every_case

OTHER_SCHEMES = """
ftp://example.com/ file:///etc/passwd gopher://example.com:80/ javascript:alert(1) data:,x
//example.com/ example.com /hook http:example.com http:/example.com http:///example.com https://
http:// http://?x http://# ws://example.com/ HTTPX://example.com/ http%3A//example.com/
httpſ://example.com/ unix:///var/run/docker.sock http+unix://example.com/
"""
# Each of these means a private address to a browser, to curl or to the C library, or to none.
ADDRESSES = """
127.0.0.1 10.0.0.1 172.16.0.1 192.168.0.1 169.254.169.254 100.100.100.200 168.63.129.16 0.0.0.0 0
2130706433 017700000001 0x7f000001 0x7f.1 0x7F.0.0.1 127.1 127.0.1 127.0.0.1. 127.1. 0177.0.0.1
127.0.0.01 127.0.0.0x1 0x 1.2.3.4.5 256.1.1.1 8.8.8 8.8.8.8.8 08.8.8.8 4294967296 example.1
example.0x1f 00000177.0.0.1 127.0.0.1.. 127%2e0%2e0%2e1 %31%32%37.0.0.1 127.0.0.1%00.example.com
１２７.0.0.1 ①②⑦.0.0.1 127。0。0。1 127．0．0．1 127｡0｡0｡1 ²130706433 ０x7f000001
[::] [::1] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1] [fe80::1]
[fe80::1%25eth0] [fe80::1%eth0] [::1%251] [2600::1%25lo] [fc00::1] [fd00:ec2::254] [ff02::1]
[64:ff9b::7f00:1] [2002:7f00:1::] [2001:db8::1] [v1.fe80::1] [::1]. [127.0.0.1] [example.com]
[2600::1 [] [[::1]] [::1][::1] 2600::1 ::1
localhost LOCALHOST localhost. app.localhost LocalHost.
"""
METADATA_NAMES = """
metadata.google.internal METADATA.google.internal. metadata instance-data metadata.tencentyun.com
"""
NOT_NAMES = """
. .. .com a..b -a.com a-.com a,b.com a;b.com a%41.com a%2ecom a$b.com a'b a(b) * ℀.com a⁄b.com ::
👻.com xn-- a|b.com example.com\\.evil.com a"b.com a<b.com a`b.com a{b.com a^b.com
"""
UNSEEN = [
    "exa\u00admple.com",
    "exa\u200bmple.com",
    "\u202eexample.com",
    "example.com\r\n",
    "a b.com",
]
LONG = ["a" * 64, "a." * 127 + "ab"]
USERS = ["user@", "user:word@", "@", ":@", "example.com@", "example.com:80@", "a%40b@", "[::1]@"]
PORTS = "0 1 22 79 81 444 8080 65536 99999 080800 -80 +80 ８０ 80a 0x50 80:80 1_0"
ACCEPTED = [
    ("http://example.com", Target("http", "example.com", 80, b"/")),
    ("HTTPS://EXAMPLE.com.", Target("https", "example.com", 443, b"/")),
    ("https://example.com:80/a?b=c#d", Target("https", "example.com", 80, b"/a?b=c")),
    ("http://example.com:443?b", Target("http", "example.com", 443, b"/?b")),
    ("http://example.com:00080/", Target("http", "example.com", 80, b"/")),
    ("http://example.com:/", Target("http", "example.com", 80, b"/")),
    ("http://8.8.8.8/", Target("http", "8.8.8.8", 80, b"/")),
    ("http://8.8.8.8./", Target("http", "8.8.8.8", 80, b"/")),
    ("http://[2600::1]/", Target("http", "2600::1", 80, b"/")),
    ("http://[::ffff:8.8.8.8]/", Target("http", "8.8.8.8", 80, b"/")),
    ("http://[2600:0::0001]/", Target("http", "2600::1", 80, b"/")),
    ("http://bücher.example/ü?ü", Target("http", "xn--bcher-kva.example", 80, b"/%C3%BC?%C3%BC")),
    ("http://例え。jp/", Target("http", "xn--r8jz45g.jp", 80, b"/")),
    ("http://_dmarc.a_b.example/", Target("http", "_dmarc.a_b.example", 80, b"/")),
    ("http://redis/", Target("http", "redis", 80, b"/")),  # judged by its addresses
    ("http://4.example/", Target("http", "4.example", 80, b"/")),
    ("http://example.com/a@b:c", Target("http", "example.com", 80, b"/a@b:c")),
    ("http://example.com?@b", Target("http", "example.com", 80, b"/?@b")),
    ("http://example.com/../%2e%2e/a%00b", Target("http", "example.com", 80, b"/%2e%2e/a%00b")),
    ('http://example.com/"<>|{}^`', Target("http", "example.com", 80, b"/%22%3C%3E|%7B%7D^%60")),
]  # fmt: skip


def refused(url: str, policy: Policy | None = None) -> str:
    with pytest.raises(NotAllowedError) as told:
        check_url(url, policy or Policy())
    return told.value.message


@every_case("url", OTHER_SCHEMES.split())
def test_anything_but_http_and_a_host_is_refused(url: str) -> None:
    assert refused(url)


@every_case("host", ADDRESSES.split())
def test_an_address_that_is_not_public_is_refused_in_every_spelling(host: str) -> None:
    assert refused(f"http://{host}/")
    assert refused(f"https://{host}:443/x?y")


@every_case("host", METADATA_NAMES.split())
def test_the_names_of_metadata_services_are_refused_whatever_is_allowed(host: str) -> None:
    assert refused(f"http://{host}/", Policy(networks=(ip_network("0.0.0.0/0"),)))


@every_case("host", [*NOT_NAMES.split(), *UNSEEN, *LONG, "\ud800.com"])
def test_what_is_no_host_name_is_refused(host: str) -> None:
    assert refused(f"http://{host}/")


@every_case("user", USERS)
def test_a_user_name_is_refused(user: str) -> None:
    assert "user name" in refused(f"http://{user}example.com/")


@every_case("port", PORTS.split())
def test_another_port_is_refused(port: str) -> None:
    assert "ort" in refused(f"http://example.com:{port}/")


@every_case("character", [*map(chr, range(33)), "\\", "\x7f", "\x85", "\u2028", "\u3000", "\ufeff"])
def test_characters_that_programs_read_in_different_ways_are_refused(character: str) -> None:
    for url in ("http://example.com/a{}b", "{}http://example.com/", "http://example.com/{}"):
        assert "invisible" in refused(url.format(character))


def test_a_url_of_2048_characters_is_accepted_and_no_longer_one() -> None:
    url = "http://example.com/".ljust(2_048, "a")
    check_url(url, Policy())
    assert "2048" in refused(url + "a")
    assert "2048" in refused("http://example.com/" + 1_000 * "\u00e9")  # six characters each


@every_case("url, target", ACCEPTED)
def test_what_is_accepted_is_read_as_every_program_reads_it(url: str, target: Target) -> None:
    assert parse_url(url, Policy()) == target


@every_case(
    "url",
    [
        "HTTPS://B\u00dcCHER.example/a\u00e9?b#c",
        "https://b\u00fccher.example.:443/a\u00e9?b",
        "https://xn--bcher-kva\u3002example/a%C3%A9?b",
    ],
)
def test_each_spelling_of_a_url_is_the_same_call(url: str) -> None:
    assert check_url(url, Policy()) == "https://xn--bcher-kva.example/a%C3%A9?b"


def test_the_operator_can_name_more_ports_and_networks() -> None:
    policy = Policy(ports=frozenset({8080}), networks=(ip_network("10.0.0.0/8"),))
    check_url("http://10.1.2.3:8080/", policy)
    assert refused("http://10.1.2.3:8081/", policy)
    assert refused("http://11.1.2.3:8081/", policy)
    assert refused("http://127.0.0.1:8080/", policy)


def test_localhost_is_accepted_where_the_loopback_is_allowed() -> None:
    check_url("http://localhost/", Policy(networks=(ip_network("127.0.0.1/32"),)))
    check_url("http://localhost/", Policy(networks=(ip_network("::1/128"),)))


def test_no_refusal_repeats_what_came() -> None:
    for host in (ADDRESSES + METADATA_NAMES + NOT_NAMES).split():
        assert len(host) < 4 or host not in refused(f"http://{host}/")


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["/", "?", "#", ":", "", "@"]))
@example("example.com", "/ü\U0010ffff", "")
def test_whatever_is_accepted_makes_a_request_of_one_line(host: str, rest: str, mark: str) -> None:
    try:
        target = parse_url(f"http://{host}{mark}{rest}", Policy())
    except NotAllowedError:
        return
    httpcore2.Request("GET", httpcore2.URL(target=target.path, scheme=b"http", host=b"x"))
    assert all(33 <= byte <= 126 for byte in target.path)
    assert all(33 <= ord(character) <= 126 for character in target.authority)
