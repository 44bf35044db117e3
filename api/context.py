"""What a view works with: the services of its process, and what its requests share."""

from dataclasses import dataclass

from flask import current_app

from api.key_watch import KeyWatch
from api.places import Places
from api.session_feed import Feeds
from api.shared_reads import SharedReads
from api.spent_keys import SpentKeys
from api.upload_quota import UploadQuota
from shared.clients.pubsub import Listener
from shared.db.views import View
from shared.secret_keys import SecretKeys
from shared.services import Services


@dataclass(frozen=True)
class Context:
    """Built once per process, in `api.app`. `secret_keys` sign its links.

    uploads, waiters, listeners, downloads: the places of those who send a batch, wait, listen to
    events, and download archives. max_connections: how many this process has at one time.
    """

    services: Services
    listener: Listener
    upload_quota: UploadQuota
    secret_keys: SecretKeys
    uploads: Places
    waiters: Places
    listeners: Places
    downloads: Places
    feeds: Feeds
    key_watch: KeyWatch
    spent_keys: SpentKeys
    session_pages: SharedReads[View]
    max_connections: int


def context() -> Context:
    """The context of the application that handles this request."""
    found: Context = current_app.extensions["fluximage"]
    return found
