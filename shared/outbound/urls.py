"""The text of an address: which is accepted."""

from shared.outbound.policy import Policy


def check_url(url: str, policy: Policy) -> None:
    """Raises NotAllowedError with one sentence unless `url` may be called, as far as its text says.

    Nothing is looked up: a name that is fine here may have a forbidden address when it is called.
    """
    raise NotImplementedError
