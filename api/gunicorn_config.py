"""gunicorn's settings for the API, which `python -m api` starts."""

import os
import sys
from typing import Any

from gunicorn import sock

from shared import supervised

wsgi_app = "api.app:create_app()"
worker_class = "api.gunicorn_worker.ApiWorker"
logger_class = "api.gunicorn_worker.ApiLogger"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
bind = "127.0.0.1:8080"
# Seconds. Above the 60 s of common load balancers: a connection that they reuse must be open.
keepalive = 75
timeout = 120  # seconds without a heartbeat, after which a worker is replaced
graceful_timeout = 30  # seconds
# FLUXIMAGE_TRUSTED_PROXIES decides whose X-Forwarded-For counts, and no header sets the path.
forwarded_allow_ips = ""
forwarder_headers = ""
control_socket_disable = True  # unused; it would create a file in the home directory
accesslog = None  # the application writes one JSON line per request
loglevel = "warning"


def on_starting(server: Any) -> None:
    """Called once, before anything listens."""
    if server.cfg.is_ssl:  # its bounds are those of plain sockets (api/client_socket.py)
        sys.exit("fluximage: the API speaks no TLS; put a proxy in front of it")


def when_ready(server: Any) -> None:
    """Called when the API listens: adds the address of the metrics.

    Not by `--bind`, which gunicorn ignores beside sockets that it inherits.
    """
    listen = os.environ.get("FLUXIMAGE_METRICS_LISTEN")
    if not listen:
        return
    host, _, port = listen.strip().rpartition(":")
    address = host.strip("[]"), int(port)
    if address in [listener.getsockname()[:2] for listener in server.LISTENERS]:
        return  # inherited from the main process before this one
    kind = sock.TCP6Socket if ":" in address[0] else sock.TCPSocket
    try:
        server.LISTENERS.append(kind(address, server.cfg, server.log))
    except OSError as error:
        sys.exit(f"fluximage: FLUXIMAGE_METRICS_LISTEN: cannot listen at {listen}: {error}")


def post_worker_init(_: object) -> None:
    """Called in each API process when it has loaded the application."""
    supervised.tell_ready()
