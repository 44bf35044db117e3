"""Ports and addresses of this machine."""

import socket
from ipaddress import ip_address

LOOPBACK = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on `host`:`port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: without it, a port with a recently closed connection counts as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(former: int | None = None, host: str = LOOPBACK) -> int:
    """`former` when it is free, else a port that the system picks."""
    if former and is_free(former, host):
        return former
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def reachable(host: str) -> str:
    """The address in a URL for clients of a server that listens on `host`.

    For a wildcard it is the address of this machine's outgoing interface, which other machines
    can reach (no packet is sent), or the loopback when there is no network.
    """
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))  # reserved for documentation by RFC 5737
                return str(probe.getsockname()[0])
            except OSError:
                return LOOPBACK
    return f"[{host}]" if ":" in host else host


def local(host: str) -> str:
    """The address at which this machine itself reaches a server that listens on `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return LOOPBACK
    return reachable(host)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
