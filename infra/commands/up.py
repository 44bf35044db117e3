"""`fluximage up`: the whole service as one foreground process tree."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from uuid import uuid4

import click

from infra.commands import demo_account, server_settings
from infra.commands.options import data_dir_option, warn_of_strangers
from infra.commands.server_checks import check_servers, check_settings
from infra.embedded import Stack
from infra.embedded.network import free_port, is_free, local, reachable
from infra.migrations.run import migrate
from infra.processes import PROCESSES, WEB, CeleryWorker, Process, usable_cores
from infra.supervision.child import Child
from infra.supervision.supervisor import Interrupted
from shared import settings, supervised
from shared.clients.celery_queue import AI_QUEUE, IMAGES_QUEUE
from shared.db.database import Database
from shared.errors import OperatorError
from shared.settings import Settings

DEFAULT_PORT = 8080
READY_POLL_SECONDS = 0.1


@click.command("up")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"[default: {DEFAULT_PORT}, or a free port when that is taken]",
)
@data_dir_option
@click.option(
    "--workers", type=click.IntRange(1), help="Processes for pixels. [default: one per core]"
)
def command(host: str, port: int | None, data_dir: Path, workers: int | None) -> None:
    """Run the whole service here, servers included, until Ctrl-C.

    If REDIS_URL, DATABASE_URL or S3_ENDPOINT is set, that server is used instead of an embedded
    one.
    """
    up(UpOptions(host, port, data_dir, workers or usable_cores()))


@dataclass(frozen=True)
class UpOptions:
    """As given on the command line; `port` None: 8080, or another when that is taken."""

    host: str
    port: int | None
    data_dir: Path
    workers: int


def up(options: UpOptions) -> None:
    """Serve until SIGINT or SIGTERM; raises OperatorError when that is not possible."""
    environ = settings.with_secrets(os.environ)
    check_settings(environ)
    warn_of_strangers()
    port = _port(options.host, options.port)
    try:
        with Stack(options.data_dir, options.host, environ, foreground=True) as stack:
            _serve(stack, options, port, environ | stack.environment)
    except Interrupted:
        pass


def children(
    options: UpOptions,
    port: int,
    env: Mapping[str, str],
    processes: Sequence[Process] = PROCESSES,
) -> list[Child]:
    """Those of `processes` that have work here, in the order of their start."""
    loaded, run = settings.load(env), uuid4()
    return [
        Child(
            process.name,
            (sys.executable, "-m", *_adapted(process, options, port, loaded).arguments),
            dict(env) | {supervised.SLOT: f"{run}/{process.name}"},
            grace_seconds=process.grace_seconds,
            tells_ready=True,
        )
        for process in processes
        if loaded.ai or not process.needs_provider
    ]


def _adapted(process: Process, options: UpOptions, port: int, loaded: Settings) -> Process:
    """The process with the options that depend on this machine and on how we stop it."""
    if isinstance(process, CeleryWorker):
        counts = {IMAGES_QUEUE: options.workers, AI_QUEUE: loaded.ai_concurrency}
        count = counts.get(process.queue, process.concurrency)
        # We send SIGQUIT when the grace is over: then messages have to go back at once.
        more = ("--", "worker_soft_shutdown_timeout=0")
        return replace(process, concurrency=count, options=(*process.options, *more))
    if process is WEB:
        bind = f"[{options.host}]:{port}" if ":" in options.host else f"{options.host}:{port}"
        return replace(process, options=(*process.options, "--bind", bind, "--no-control-socket"))
    return process


def _serve(stack: Stack, options: UpOptions, port: int, environ: Mapping[str, str]) -> None:
    demo_account.withdraw(stack.data_dir)
    loaded = settings.load(environ)
    check_servers(loaded)
    server_settings.warn(loaded)
    database_url = stack.environment["DATABASE_URL"]
    migrate(database_url)
    with Database(database_url, max_connections=1) as database:
        demo = demo_account.find_or_create(database, stack.data_dir)
    # If the environment remapped SIGTERM, a worker would not finish its images after it.
    env = {k: v for k, v in environ.items() if k != "REMAP_SIGTERM"}
    unready = stack.data_dir.path / "unready"
    stack.supervisor.unready_file, env[supervised.UNREADY_FILE] = unready, str(unready)
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
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that no resolver accepts
        raise OperatorError(
            f"fluximage cannot listen on {host}:{port} ({getattr(error, 'strerror', error)});"
            " choose another --port or --host."
        ) from error
    return port


def is_ready(host: str, port: int) -> bool:
    """Whether the service at that address answers that all of its servers work."""
    connection = HTTPConnection(host.strip("[]"), port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
