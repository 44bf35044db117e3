"""What a view works with: the services, notifications and upload quota of its process."""

from dataclasses import dataclass

from flask import current_app

from api.upload_quota import UploadQuota
from shared.clients.pubsub import Listener
from shared.secret_keys import SecretKeys
from shared.services import Services


@dataclass(frozen=True)
class Context:
    """Built once per process, in `api.app`. `secret_keys` sign its links."""

    services: Services
    listener: Listener
    upload_quota: UploadQuota
    secret_keys: SecretKeys


def context() -> Context:
    """The context of the application that handles this request."""
    found: Context = current_app.extensions["fluximage"]
    return found
