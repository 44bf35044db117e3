"""Calls to addresses that a client of the service gives: webhooks, later images by URL.

`check_url` looks at the text of an address when a client sends it; `post` and `get` look at the
addresses that its name has when they call it. What may be called is said by a `Policy`.
"""

from shared.errors import CallFailedError, NotAllowedError
from shared.outbound.calls import get, post
from shared.outbound.policy import Policy
from shared.outbound.urls import MAX_URL_CHARACTERS, check_url

__all__ = [
    "MAX_URL_CHARACTERS",
    "CallFailedError",
    "NotAllowedError",
    "Policy",
    "check_url",
    "get",
    "post",
]
