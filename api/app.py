"""The Flask application; a factory builds it, so that an import has no effect."""

import logging
import time
from collections.abc import Mapping

from flask import Flask, Response, g, request

from api import cross_origin, errors
from api.archive import DOWNLOADS_OF_ACCOUNT, MAX_DOWNLOADS
from api.caller import client_address
from api.context import Context
from api.headers import PROTECTIVE
from api.key_watch import KeyWatch
from api.lingering_close import close_after_unread_body
from api.multipart import MAX_BODY_BYTES
from api.places import Places
from api.request_id import HEADER, request_id
from api.room import room_for
from api.routes import BLUEPRINTS
from api.routes.operator import keep_to_the_address
from api.session_feed import Feeds
from api.shared_reads import SharedReads
from api.spent_keys import SpentKeys
from api.upload_quota import UploadQuota
from shared import logs, services, settings
from shared.clients.pubsub import Listener
from shared.errors import OperatorError
from shared.secret_keys import SecretKeys
from shared.services import Services

access = logging.getLogger("fluximage.access")


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Returns the application of one API process, with the settings of the environment.

    Raises OperatorError, which lists every fault of the settings.
    """
    logs.configure()
    loaded = settings.load(environ)
    built = services.build(loaded)
    return build_app(built)


def build_app(built: Services) -> Flask:
    """Returns the application over services that exist already.

    Raises OperatorError without keys: every link of the archive is signed.
    """
    if built.secret_keys is None:
        raise OperatorError("FLUXIMAGE_SECRET_KEYS: required by the API; `openssl rand -hex 32`.")
    app = Flask("fluximage", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined] # only Flask's default provider has it
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # its answers are HTML
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # its redirects are HTML
    app.extensions["fluximage"] = _context(built, built.secret_keys)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    errors.register(app)
    app.before_request(_begin)
    app.before_request(keep_to_the_address)
    cross_origin.register(app, built.settings.cors_origins)
    app.after_request(_finish)
    return app


def _context(built: Services, secret_keys: SecretKeys) -> Context:
    settings, room = built.settings, room_for(built.settings)
    return Context(
        services=built,
        listener=Listener(built.redis),
        upload_quota=UploadQuota(settings.account_upload_bytes),
        secret_keys=secret_keys,
        uploads=Places(room.uploads, settings.account_uploads),
        waiters=Places(settings.max_waiters, settings.account_waiters),
        listeners=Places(settings.max_listeners, settings.account_listeners),
        downloads=Places(MAX_DOWNLOADS, DOWNLOADS_OF_ACCOUNT),
        feeds=Feeds(),
        key_watch=KeyWatch(built.database),
        spent_keys=SpentKeys(),
        session_pages=SharedReads(),
        max_connections=room.connections,
    )


def _begin() -> None:
    g.started = time.perf_counter()
    g.request_id = request_id(request.headers.get(HEADER))
    logs.begin(request_id=g.request_id)


def _finish(response: Response) -> Response:
    for name, value in PROTECTIVE.items():
        response.headers.setdefault(name, value)
    response.headers[HEADER] = g.request_id
    close_after_unread_body(response)
    probe = request.path.startswith("/health/") or request.path == "/metrics"
    access.log(
        logging.DEBUG if probe else logging.INFO,
        "request",
        extra={
            "client": client_address(),
            "account": g.get("account_id"),
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "seconds": round(time.perf_counter() - g.started, 4),
        },
    )
    return response
