"""The check of `webhookUrl`, which needs the service's settings and the account's secret."""

from shared import outbound
from shared.db import webhook_secrets
from shared.errors import InvalidFieldError, NotAllowedError
from shared.services import Services

_UNSIGNED = "webhookUrl needs a secret that signs the calls; POST /api/webhooks/secret makes one"


def check_webhook_url(services: Services, account_id: int, url: str) -> str:
    """Returns the URL that is called; raises InvalidFieldError where the account may have none.

    The sentence does not repeat the URL, since its query may hold a secret.
    """
    try:
        called = outbound.check_url(url, services.policy)
    except NotAllowedError as error:
        raise InvalidFieldError(f"webhookUrl cannot be called: {error.message}") from None
    if not webhook_secrets.exists(services.database, account_id):
        raise InvalidFieldError(_UNSIGNED)
    return called
