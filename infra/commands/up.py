"""`fluximage up`: the whole service as one foreground process tree."""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from infra.commands import demo_account, safety
from infra.commands.checks import check_servers, check_settings
from infra.embedded import Stack
from infra.embedded.network import free_port, is_free, local, reachable
from infra.migrations.run import migrate
from infra.supervision.child import Child
from infra.supervision.supervisor import Interrupted
from shared import settings
from shared.db.database import Database
from shared.errors import OperatorError

DEFAULT_PORT = 8080
IO_THREADS = 32
READY_POLL_SECONDS = 0.1
# A worker that is asked to end finishes the images it has in hand. After its grace SIGQUIT
# makes it give back what is left; a SIGKILL before that would strand messages.
WORKER_GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class Options:
    """As given on the command line; `port` None: 8080, or another when that is taken."""

    host: str
    port: int | None
    data_dir: Path
    workers: int


def usable_cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def up(options: Options) -> None:
    """Serve until SIGINT or SIGTERM; raises OperatorError when that cannot be done."""
    check_settings(os.environ)
    port = _port(options.host, options.port)
    try:
        with Stack(options.data_dir, options.host, foreground=True) as stack:
            _serve(stack, options, port)
    except Interrupted:
        pass


def children(options: Options, port: int, env: Mapping[str, str]) -> list[Child]:
    """The processes of the product itself, in the order of their start."""
    python = sys.executable
    bind = f"[{options.host}]:{port}" if ":" in options.host else f"{options.host}:{port}"
    loaded = settings.load(env)
    gunicorn = ("--config", "python:api.gunicorn_config", "--bind", bind, "--no-control-socket")
    return [
        Child("web", (python, "-m", "gunicorn", *gunicorn), env, grace_seconds=15),
        _worker("worker", "images", ("--pool", "prefork", "--concurrency", options.workers), env),
        *([_worker("ai", "ai", _threads(loaded.ai_concurrency), env)] if loaded.ai else []),
        _worker("io", "io", _threads(IO_THREADS), env),
        Child("periodic", (python, "-m", "workers.periodic"), env),
    ]


def _threads(count: int) -> tuple[object, ...]:
    return "--pool", "threads", "--concurrency", count


def _worker(name: str, queue: str, pool: tuple[object, ...], env: Mapping[str, str]) -> Child:
    argv = (
        *(sys.executable, "-m", "celery", "--quiet", "--app", "workers.celery", "worker"),
        *("--queues", queue, *map(str, pool), "--hostname", f"{queue}@%h"),
        *("--loglevel", "warning", "--without-gossip", "--without-mingle"),
        # By the time of SIGQUIT the grace is over: give the messages back at once.
        *("--", "worker_soft_shutdown_timeout=0"),
    )
    return Child(name, argv, env, grace_seconds=WORKER_GRACE_SECONDS)


def _serve(stack: Stack, options: Options, port: int) -> None:
    demo_account.withdraw(stack.data_dir)
    loaded = settings.load(os.environ | stack.environment)
    check_servers(loaded)
    safety.warn(loaded)
    database_url = stack.environment["DATABASE_URL"]
    migrate(database_url)
    with Database(database_url, max_connections=1) as database:
        demo = demo_account.demo(database, stack.data_dir)
    # Remapped by the environment, SIGTERM would not be the mild signal that it has to be here.
    env = {k: v for k, v in os.environ.items() if k != "REMAP_SIGTERM"} | stack.environment
    for child in children(options, port, env):
        stack.supervisor.start(child)
    here = local(options.host)
    if stack.supervisor.run(lambda: is_ready(here, port), every=READY_POLL_SECONDS):
        demo_account.announce(stack.data_dir, f"http://{reachable(options.host)}:{port}", demo)
        try:
            stack.supervisor.run()
        finally:
            demo_account.withdraw(stack.data_dir)


def _port(host: str, wanted: int | None) -> int:
    port = wanted or DEFAULT_PORT
    try:
        if wanted is None and not is_free(port, host):
            port = free_port(None, host)
            print(f"Port {DEFAULT_PORT} is taken; fluximage takes {port}.", flush=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that no resolver takes
        raise OperatorError(
            f"fluximage cannot listen on {host}:{port} ({getattr(error, 'strerror', error)});"
            " choose another --port or --host."
        ) from error
    return port


def is_ready(host: str, port: int) -> bool:
    """Whether the service there says that every server behind it answers."""
    connection = HTTPConnection(host.strip("[]"), port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
