"""Who calls: the account by its key, the address by the proxies that we trust."""

from collections.abc import Callable
from functools import wraps
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ParamSpec, TypeVar

from flask import g, request

from api.context import context
from shared.clients import ratelimit
from shared.db import accounts
from shared.db.accounts import Account
from shared.errors import UnauthorizedError
from shared.services import Services
from shared.settings import Network

P = ParamSpec("P")
R = TypeVar("R")

_SCHEME = "Bearer "


def bearer_key() -> str:
    """The key of the Authorization header; raises UnauthorizedError when there is none."""
    header = request.headers.get("Authorization", "")
    if header[: len(_SCHEME)].lower() != _SCHEME.lower():
        raise UnauthorizedError
    return header[len(_SCHEME) :].strip()


def authenticated(view: Callable[P, R]) -> Callable[P, R]:
    """A view that runs only for a live key within its rate; before it, no body is read."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        services = context().services
        g.account = _caller(services)
        g.account_id = g.account.id
        limit = services.settings.requests_per_minute
        ratelimit.count_request(services.redis, g.account_id, limit)
        return view(*args, **kwargs)

    return checked


def _caller(services: Services) -> Account:
    try:
        return accounts.authenticate(services.database, bearer_key())
    except UnauthorizedError:
        # After the key was looked at, so that a good one always passes: behind one address are
        # a whole office, or every client there is where no proxy is named as trusted. One old
        # key in somebody's script must not shut them out, and 160 bits are not guessed.
        limit = services.settings.failed_keys_per_minute
        ratelimit.count_failed_key(services.redis, client_address(), limit)
        raise


def account() -> Account:
    """The account of an authenticated request."""
    found: Account = g.account
    return found


def client_address() -> str:
    """The client's address: the nearest one on the road that is no trusted proxy.

    X-Forwarded-For is read from its end, and only as far as trusted proxies wrote it: what
    stands before was sent by the client and may be anything.
    """
    trusted = context().services.settings.trusted_proxies
    address = request.remote_addr or ""
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    while hops and _is_in(address, trusted):
        hop = hops.pop().strip()
        if _parsed(hop) is None:
            break
        address = hop
    return address


def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket that takes both versions names an IPv4 peer ::ffff:10.0.0.1.
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
