"""Addresses of the servers: which are accepted, and what their clients take from them.

Each client of Redis reads a URL in its own way (one verifies no certificate, one takes another
database), so the URL is read here alone, and all get the same parts.
"""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

_HIDDEN = "The value is not shown, since it may hold a password."
_ESCAPES = "In a password, write / as %2F, ? as %3F and # as %23."
_UNREADABLE = f"Its host or port cannot be read. {_ESCAPES} {_HIDDEN}"
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
# What some clients ask for, or take for granted; any other value would turn verification off.
_ALWAYS = {"ssl_cert_reqs": ("required", "cert_required"), "ssl_check_hostname": ("true",)}


@dataclass(frozen=True)
class RedisAddress:
    """url: without options. tls: redis-py's arguments for `rediss://`, else empty."""

    url: str = field(repr=False)
    tls: dict[str, Any]


def redis_address(text: str, ca_file: Path | None = None) -> RedisAddress:
    """Reads REDIS_URL; raises ValueError with a sentence without the password.

    ca_file: certificates to verify the server with, besides the system's, where the URL has no
    `ssl_ca_certs`.
    """
    _check_form(text, r"rediss?://.+", "redis://host:6379/0")
    _check_port(text)
    address = urlsplit(text)
    if address.fragment:
        raise ValueError(_UNREADABLE)
    if not re.fullmatch(r"(/\d*/?)?", address.path):
        raise ValueError(
            f"What follows the host must be the number of a database, such as /0. {_HIDDEN}"
        )
    options = dict(parse_qsl(address.query, keep_blank_values=True))
    _check_options(options, encrypted=address.scheme == "rediss")
    url = urlunsplit(address._replace(query=""))
    if address.scheme == "redis":
        return RedisAddress(url, {})
    files = {"ssl_ca_certs": str(ca_file)} if ca_file else {}
    files |= {name: options[name] for name in _FILES if name in options}
    tls = files | {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    return RedisAddress(url, tls)


def _check_form(text: str, pattern: str, example: str) -> None:
    if not re.fullmatch(pattern, text):
        raise ValueError(f"It must look like {example}. {_HIDDEN}")


def _check_port(text: str) -> None:
    try:
        _ = urlsplit(text).port
    except ValueError:
        # Whoever uses such an address would name what it took for the port: the password.
        raise ValueError(_UNREADABLE) from None


def _check_options(options: dict[str, str], *, encrypted: bool) -> None:
    for name, value in options.items():
        if name in _ALWAYS and value.lower() not in _ALWAYS[name]:
            raise ValueError(
                f"{name}={value} would accept any server's certificate. Leave it out; name a"
                " private CA in FLUXIMAGE_CA_FILE."
            )
        if name not in _ALWAYS and name not in _FILES:
            raise ValueError(
                f"It has an option that is not known. Known are {', '.join(_FILES)}. {_HIDDEN}"
            )
        if not encrypted:
            raise ValueError(f"{name} needs TLS: write rediss:// in place of redis://.")
    for name in _FILES:
        if name in options:
            check_readable(options[name], f"{name}: ")
    if "ssl_ca_certs" in options:
        check_certificates(options["ssl_ca_certs"])


def check_readable(path: str | Path, prefix: str = "") -> None:
    """Raises ValueError with a sentence when the file cannot be read."""
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise ValueError(f"{prefix}{path} cannot be read: {error.strerror}.") from None


def check_certificates(path: str | Path) -> None:
    """Raises ValueError with a sentence when the file holds no certificate in PEM format."""
    check_readable(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        raise ValueError(f"{path} holds no certificates in PEM format.") from None


def check_store_url(text: str) -> None:
    """Raises ValueError with a sentence that does not quote the address."""
    _check_form(text, r"https?://[^/]+/?", "http://host:port")
    _check_port(text)


def check_database_url(text: str) -> None:
    """Raises ValueError with a sentence without the password; several hosts are accepted.

    Read by libpq, which all clients of Postgres here use. It reads ports only when it connects, and
    would then name what it took for one: the password.
    """
    _check_form(text, r"postgres(ql)?://.+", "postgresql://user@host/name")
    try:
        parts = conninfo_to_dict(text)
    except psycopg.Error:
        raise ValueError(
            f"It cannot be read. {_ESCAPES[:-1]}, @ as %40 and % as %25. {_HIDDEN}"
        ) from None
    ports = str(parts.get("port") or "").split(",")
    if not all(re.fullmatch(r"\d{0,5}", port) for port in ports):
        raise ValueError(_UNREADABLE)


def database_servers(text: str) -> list[tuple[str, int]]:
    """Host and port of each server in DATABASE_URL; those that are reached by a socket are not."""
    parts = conninfo_to_dict(text)
    ports = str(parts.get("port") or "").split(",")
    servers = []
    for option in ("host", "hostaddr"):
        hosts = str(parts.get(option) or "").split(",")
        own_ports = ports * len(hosts) if len(ports) == 1 else ports
        servers += list(zip(hosts, own_ports, strict=False))
    return [(host, int(port or 5432)) for host, port in servers if host and host[0] not in "/@"]
