"""How gunicorn serves the API: `gunicorn --config python:api.gunicorn_config`.

gevent, because an upload or a wait then costs a greenlet and not a thread: `make bench` tells a
healthy client's latency alone and beside fifty uploads that stand still.
"""

import os

wsgi_app = "api.app:create_app()"
worker_class = "api.gunicorn_worker.ApiWorker"
logger_class = "api.gunicorn_worker.ApiLogger"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
bind = "127.0.0.1:8080"
worker_connections = 2000  # greenlets: those who upload, wait or poll, in each process
# Seconds; above the 60 of common load balancers, which must not find a connection closed. It is
# also the time that a client has for the head of its request.
keepalive = 75
timeout = 120  # seconds without a sign of life before a worker is replaced
graceful_timeout = 30
# Whom a proxy spoke for is read by our own setting, and nobody sets the path by a header.
forwarded_allow_ips = ""
forwarder_headers = ""
control_socket_disable = True  # it would lie in the home folder, and nobody asks it anything
accesslog = None  # the application writes one JSON line a request
loglevel = "warning"
