"""Who sends a request: the account, by its key; the address, by the trusted proxies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from random import SystemRandom
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from flask import g, request

from api.addresses import behind_proxies, counted_as
from api.context import context
from shared import logs
from shared.clients import ratelimit
from shared.db import accounts
from shared.db.accounts import Account
from shared.errors import TooManyRequestsError, UnauthorizedError
from shared.services import Services

if TYPE_CHECKING:
    from api.client_socket import ClientSocket

P = ParamSpec("P")
R = TypeVar("R")

_SCHEME = "Bearer "
_HELD_BACK_SECONDS = (5.0, 10.0)  # not all the same, or thousands would come back at one moment
_AUTHENTICATED: set[Callable[..., Any]] = set()


def bearer_key() -> str:
    """Returns the key of the Authorization header; raises UnauthorizedError where there is none."""
    header = request.headers.get("Authorization", "")
    if header[: len(_SCHEME)].lower() != _SCHEME.lower():
        raise UnauthorizedError
    return header[len(_SCHEME) :].strip()


def authenticated(view: Callable[P, R]) -> Callable[P, R]:
    """Decorates a view: it runs only for a valid key within its rate limit.

    The check reads no body. Raises UnauthorizedError or TooManyRequestsError, the latter late where
    the same client was refused for it just before.
    """

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        services = context().services
        g.account = _authenticate(services)
        g.account_id = g.account.id
        logs.add(account=g.account_id)
        limit = services.settings.requests_per_minute
        with context().spent_keys.noting(bearer_key()):
            ratelimit.count_request(services.redis, g.account_id, limit)
        return view(*args, **kwargs)

    _AUTHENTICATED.add(checked)
    return checked


def needs_key(view: Callable[..., Any]) -> bool:
    """Whether a view runs only for a valid key."""
    return view in _AUTHENTICATED


def _authenticate(services: Services) -> Account:
    try:
        key = bearer_key()
        with _holding_back():
            context().spent_keys.check(key)
        return accounts.authenticate(services.database, key)
    except UnauthorizedError:
        # Counted only after the key was checked, so that a valid key always passes: one address
        # may be a whole office, or all clients where no proxy is configured as trusted. One
        # revoked key in a script must not lock them out, and 160 random bits are not guessed.
        limit = services.settings.failed_keys_per_minute
        with _holding_back():
            ratelimit.count_failed_key(services.redis, share() or client_address(), limit)
        raise


@contextmanager
def _holding_back() -> Iterator[None]:
    """Answers a refusal for too many requests late: whoever sends on would keep a core busy."""
    try:
        yield
    except TooManyRequestsError:
        connection = client_socket()
        if connection is not None:
            connection.hold_back(share(), SystemRandom().uniform(*_HELD_BACK_SECONDS))
        raise


def account() -> Account:
    """Returns the account of an authenticated request."""
    found: Account = g.account
    return found


def client_address() -> str:
    """Returns the client's address: the last one in the chain that is not a trusted proxy's."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    proxies = context().services.settings.trusted_proxies
    return behind_proxies(request.remote_addr or "", forwarded, proxies)


def share() -> str | None:
    """Returns what the client's share is counted by; None for one without a bound by address."""
    return counted_as(client_address(), context().services.settings.trusted_proxies)


def client_socket() -> "ClientSocket | None":
    """Returns the socket of this request's client; None in Flask's test client."""
    found: ClientSocket | None = request.environ.get("gunicorn.socket")
    return found
