"""The text of an address: which is accepted, and what a call takes from it."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import httpx2

from shared.errors import NotAllowedError
from shared.outbound.policy import Policy
from shared.outbound.ranges import METADATA_NAMES, Address, plain

MAX_URL_CHARACTERS = 2_048
_FORM = re.compile(r"(https?)://([^/?#]*)(?:[/?#].*)?", re.ASCII | re.IGNORECASE)
_PLACE = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(?::([0-9]{0,5}))?")
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


@dataclass(frozen=True)
class Target:
    """host: a name in ASCII without a last dot, or an address without brackets, in its usual form.

    path: with the query, as it is sent.
    """

    scheme: str
    host: str
    port: int
    path: bytes

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """What is called, in ASCII: the same text for each spelling of a host; no fragment."""
        return f"{self.scheme}://{self.authority}{self.path.decode()}"

    def joined(self, location: str) -> str:
        """The URL that `location`, a redirect of this one, means; raises ValueError."""
        check_characters(location)
        try:
            return str(httpx2.URL(self.url).join(location))
        except httpx2.InvalidURL:
            raise ValueError from None


def check_url(url: str, policy: Policy) -> str:
    """The URL that is called for `url`; see `Target.url`.

    Raises NotAllowedError with one sentence unless it may be called, as far as its text says.

    Nothing is looked up: a name that is fine here may have a forbidden address when it is called.
    """
    return parse_url(url, policy).url


def parse_url(url: str, policy: Policy) -> Target:
    """What a call to `url` needs; raises what `check_url` raises."""
    _check_length(url)
    try:
        check_characters(url)
    except ValueError as error:
        raise NotAllowedError(str(error)) from None
    form = _FORM.fullmatch(url)
    if form is None:
        raise NotAllowedError("A URL must begin with http:// or https://.")
    if "@" in form[2]:
        raise NotAllowedError("A URL must have no user name and no password.")
    place = _PLACE.fullmatch(form[2])
    if place is None:
        raise NotAllowedError("The URL's host or port cannot be read.")
    scheme = form[1].lower()
    port = int(place[2] or (443 if scheme == "https" else 80))
    if not policy.allows_port(port):
        raise NotAllowedError(f"Port {port} may not be called.")
    host, path = _host_and_path(url)
    target = Target(scheme, _checked_host(host, policy), port, path)
    _check_length(target.url)
    return target


def _check_length(url: str) -> None:
    if len(url) > MAX_URL_CHARACTERS:
        raise NotAllowedError(f"A URL may have at most {MAX_URL_CHARACTERS} characters.")


def check_characters(text: str) -> None:
    """Raises ValueError for characters that programs read in different ways, or not at all."""
    if not text.isprintable() or " " in text or "\\" in text:
        raise ValueError("A URL must have no space, no backslash and no invisible character.")


def _host_and_path(url: str) -> tuple[str, bytes]:
    """The host is in ASCII, by IDNA; without a last dot, which certificates do not have."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise NotAllowedError("The URL's host cannot be read.") from None
    return parsed.raw_host.decode("ascii").removesuffix("."), parsed.raw_path


def _checked_host(host: str, policy: Policy) -> str:
    address = _address(host)
    if address is None and not _NAME.fullmatch(host):
        raise NotAllowedError("The URL's host is neither a name nor an address.")
    if host in METADATA_NAMES:
        raise NotAllowedError("The URL's host may not be called.")
    literal = [address] if address else []
    if host == "localhost" or host.endswith(".localhost"):
        literal = [*_LOOPBACK]
    if literal and not any(policy.allows(one) for one in literal):
        raise NotAllowedError("The URL's host is not a public address.")
    return str(plain(address)) if address else host


def _address(host: str) -> Address | None:
    """The address that `host` is, if it is one; raises NotAllowedError for half a one.

    A host whose last part is a number is an address for every browser and for the C library, in
    decimal, octal or hexadecimal and with fewer parts; only four decimal numbers are accepted.
    """
    if ":" in host and "%" not in host:  # a zone is of this machine alone
        return IPv6Address(host)
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    try:
        return IPv4Address(host)
    except AddressValueError:
        raise NotAllowedError("An IPv4 address must be four decimal numbers.") from None
