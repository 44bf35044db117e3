"""What a request handler works with: the process's services, its news, its uploads."""

from dataclasses import dataclass

from flask import current_app

from api.upload_quota import Spool
from shared.clients.pubsub import Listener
from shared.services import Services


@dataclass(frozen=True)
class Context:
    """Built once a process, in `api.app`."""

    services: Services
    listener: Listener
    spool: Spool


def context() -> Context:
    """The context of the application that handles this request."""
    found: Context = current_app.extensions["fluximage"]
    return found
