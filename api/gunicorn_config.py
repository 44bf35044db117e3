"""gunicorn's settings for the API, which `python -m api` starts."""

import os

from shared import supervised

wsgi_app = "api.app:create_app()"
worker_class = "api.gunicorn_worker.ApiWorker"
logger_class = "api.gunicorn_worker.ApiLogger"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
bind = "127.0.0.1:8080"
worker_connections = 2000  # per process: one greenlet per client that uploads, waits or polls
# Seconds. Above the 60 s of common load balancers: a connection that they reuse must be open.
# It is also how long a client may take for the head of its request.
keepalive = 75
timeout = 120  # seconds without a heartbeat, after which a worker is replaced
graceful_timeout = 30  # seconds
# FLUXIMAGE_TRUSTED_PROXIES decides whose X-Forwarded-For counts, and no header sets the path.
forwarded_allow_ips = ""
forwarder_headers = ""
control_socket_disable = True  # unused; it would create a file in the home directory
accesslog = None  # the application writes one JSON line per request
loglevel = "warning"


def post_worker_init(_: object) -> None:
    """Called in each API process when it has loaded the application."""
    supervised.tell_ready()
