"""`fluximage up`: the whole service as one foreground process tree."""

import errno
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from uuid import uuid4

import click

from infra.commands import demo_account, demo_key_watch, recovery, server_settings
from infra.commands.announcement import Announcement
from infra.commands.console import Console, logging_to
from infra.commands.demo_account import Demo
from infra.commands.fault_watch import FaultWatch
from infra.commands.options import data_dir_option, warn_of_strangers
from infra.commands.server_checks import check_servers
from infra.embedded import Stack
from infra.embedded.network import is_loopback, local, reachable
from infra.migrations.run import migrate
from infra.processes import (
    PROCESSES,
    WEB,
    CeleryWorker,
    Process,
    express_processes,
    usable_cores,
)
from infra.settings_without_servers import load_without_servers
from infra.supervision.child import Child
from infra.supervision.supervisor import Interrupted
from shared import settings, supervised
from shared.clients.celery_queue import AI_QUEUE, EXPRESS_QUEUE, IMAGES_QUEUE
from shared.db import backlog
from shared.db.database import Database
from shared.errors import OperatorError, UnavailableError
from shared.private_folder import RUN_DIR
from shared.settings import Settings

DEFAULT_PORT = 8080
READY_POLL_SECONDS = 0.1
UPKEEP_SECONDS = 10.0


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
@click.option("--verbose", is_flag=True, help="Print the logs here, not into the data directory.")
def command(
    host: str, port: int | None, data_dir: Path, workers: int | None, verbose: bool
) -> None:
    """Run the whole service here, servers included, until Ctrl-C.

    If REDIS_URL, DATABASE_URL or S3_ENDPOINT is set, that server is used instead of an embedded
    one.
    """
    up(UpOptions(host, port, data_dir, workers or usable_cores(), verbose))


@dataclass(frozen=True)
class UpOptions:
    """As given on the command line; `port` None: 8080, or another when that is taken."""

    host: str
    port: int | None
    data_dir: Path
    workers: int
    verbose: bool = False


def up(options: UpOptions) -> None:
    """Serve until SIGINT or SIGTERM; raises OperatorError when that is not possible."""
    environ = settings.with_secrets(os.environ)
    load_without_servers(environ)  # each fault is told before anything starts
    logs = None if options.verbose else options.data_dir.absolute() / "logs"
    with (
        listening(options.host, options.port) as listener,
        Console(live=not options.verbose) as out,
        logging_to(out, logs),
    ):
        warn_of_strangers()
        out.step("Starting the servers")
        try:
            with Stack(options.data_dir, options.host, environ, foreground=True) as stack:
                _serve(stack, options, listener, environ | stack.environment, out)
        except Interrupted:
            pass
        out.line("Stopped.")


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
        counts = {
            IMAGES_QUEUE: options.workers,
            EXPRESS_QUEUE: express_processes(options.workers),
            AI_QUEUE: loaded.ai_concurrency,
        }
        count = counts.get(process.queue, process.concurrency)
        # We send SIGQUIT when the grace is over: then messages have to go back at once.
        more = ("--", "worker_soft_shutdown_timeout=0")
        return replace(process, concurrency=count, options=(*process.options, *more))
    if process is WEB:
        bind = _address(options.host, port)
        return replace(process, options=(*process.options, "--bind", bind, "--no-control-socket"))
    return process


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _serve(
    stack: Stack,
    options: UpOptions,
    listener: socket.socket,
    environ: Mapping[str, str],
    out: Console,
) -> None:
    demo_account.withdraw(stack.data_dir)
    out.step("Preparing the database")
    loaded = settings.load(environ)
    check_servers(loaded)
    out.clear()
    server_settings.warn(loaded)
    database_url = stack.environment["DATABASE_URL"]
    migrate(database_url)
    with Database(database_url, max_connections=1) as database:
        recovery.free_what_the_dead_held(database, loaded, stack.parts)
        demo = demo_account.find_or_create(database, stack.data_dir)
        out.step("Starting the API and the workers")
        port = _start_children(stack, options, listener, environ)
        here = local(options.host)
        if stack.supervisor.run(lambda: is_ready(here, port), every=READY_POLL_SECONDS):
            announcement = _announced(stack, options, port, demo, out)
            out.watch(_status(database))
            tell = announcement.key_changed
            try:
                with demo_key_watch.watching(database, stack.data_dir, demo, tell):
                    stack.supervisor.run(_upkeep(stack, out), every=UPKEEP_SECONDS)
            finally:
                demo_account.withdraw(stack.data_dir)
        out.step("Stopping: images in work are finished first; Ctrl-C again ends them at once")


def _announced(
    stack: Stack, options: UpOptions, port: int, demo: Demo, out: Console
) -> Announcement:
    url = f"http://{reachable(options.host)}:{port}"
    other = options.port is None and port != DEFAULT_PORT
    taken = DEFAULT_PORT if other else None
    announcement = Announcement(stack.data_dir, out, url, is_loopback(options.host), taken)
    announcement.serves(demo)
    if not options.verbose:
        out.line(f"  Logs: {stack.data_dir.path / 'logs'}")
    return announcement


def _start_children(
    stack: Stack, options: UpOptions, listener: socket.socket, environ: Mapping[str, str]
) -> int:
    """Starts the service's processes on the port of `listener`, which is returned."""
    # If the environment remapped SIGTERM, a worker would not finish its images after it.
    env = {k: v for k, v in environ.items() if k != "REMAP_SIGTERM"}
    unready = stack.data_dir.path / "unready"
    stack.supervisor.unready_file, env[supervised.UNREADY_FILE] = unready, str(unready)
    port = int(listener.getsockname()[1])
    for child in children(options, port, env):
        log = None if options.verbose else stack.data_dir.log(child.name)
        held = _on(listener, child, options, port) if child.name == WEB.name else child
        stack.supervisor.start(replace(held, log=log))
    return port


def _on(listener: socket.socket, web: Child, options: UpOptions, port: int) -> Child:
    """The API on our own socket: nobody else can take the port, also while the API restarts."""
    held, address = listener.fileno(), _address(options.host, port)
    argv = [f"fd://{held}" if part == address else part for part in web.argv]
    return replace(web, argv=argv, pass_fds=(held,))


def _status(database: Database) -> Callable[[], str]:
    """Says in one line how the service is."""
    started = time.monotonic()

    def status() -> str:
        minutes, seconds = divmod(int(time.monotonic() - started), 60)
        try:
            state = backlog.queue_state(database)
            work = f"{state.images} images wait"
        except UnavailableError:
            work = "the database does not answer"
        return f"Up {minutes}:{seconds:02} · {work} · Ctrl-C stops it"

    return status


def _upkeep(stack: Stack, out: Console) -> Callable[[], bool]:
    faults = FaultWatch(Path(stack.environment[RUN_DIR]), out)

    def upkeep() -> bool:
        faults.look()
        return stack.data_dir.bound_logs()

    return upkeep


@contextmanager
def listening(host: str, wanted: int | None) -> Iterator[socket.socket]:
    """A socket that holds the port from now on: `wanted`, or a free one when 8080 is taken.

    Between a mere look and the API's own start, another program could take the port, and its
    answers would pass for ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as held:
        try:
            try:
                _take(held, host, wanted or DEFAULT_PORT)
            except OSError as error:
                if wanted or error.errno != errno.EADDRINUSE:
                    raise
                _take(held, host, 0)
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that no resolver accepts
            raise OperatorError(
                f"fluximage cannot listen on {host}:{wanted or DEFAULT_PORT}"
                f" ({getattr(error, 'strerror', error)}); choose another --port or --host."
            ) from error
        yield held


def _take(held: socket.socket, host: str, port: int) -> None:
    # As servers do: without it, a port with a recently closed connection counts as taken.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((host, port))
    # Linux lets two programs take one port while neither listens, unless one of them says no.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


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
