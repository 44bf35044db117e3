"""A real PgBouncer before the embedded Postgres, in transaction mode, with few connections."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from infra.embedded.network import free_port
from tests.support.processes import eventually

_TLS = """
client_tls_sslmode = require
client_tls_cert_file = {folder}/server.pem
client_tls_key_file = {folder}/server.pem
"""
CONNECTIONS = 2  # fewer than there are clients, so that every session of the server is shared


class PgBouncer:
    """A running one; `url` is that of the database behind it."""

    def __init__(
        self, program: str, database_url: str, folder: Path, certificate: Path | None
    ) -> None:
        self._program, self._folder = program, folder
        self._port = free_port()
        address = urlsplit(database_url)
        self.url = f"postgresql://pooled@127.0.0.1:{self._port}{address.path}"
        (folder / "pgbouncer.ini").write_text(
            f"""
[databases]
* = host=127.0.0.1 port={address.port} user={address.username} password={address.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self._port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {CONNECTIONS}
max_client_conn = 200
logfile = {folder}/log
"""
            + (_TLS.format(folder=folder) if certificate else "")
        )
        if certificate:
            shutil.copy(certificate, folder / "server.pem")
            (folder / "server.pem").chmod(0o644)
        self.start()

    def start(self) -> None:
        """Starts it, again after `stop`; returns when it answers."""
        is_root = os.geteuid() == 0  # it refuses to run as root
        self._process = subprocess.Popen(
            [self._program, "--quiet", str(self._folder / "pgbouncer.ini")],
            user="nobody" if is_root else None,
            group="nogroup" if is_root else None,
            extra_groups=[] if is_root else None,
        )
        assert eventually(self._answers), (self._folder / "log").read_text()

    def stop(self) -> None:
        """Ends it as a crash would: clients lose their connections."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def pgbouncer(database_url: str, certificate: Path | None = None) -> Iterator[PgBouncer]:
    """Runs as long as the `with` block; skips the test where PgBouncer is not installed.

    certificate: a file with a certificate and its key; then it takes TLS alone.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian: apt install pgbouncer)")
    # Not pytest's own folder, which another user may not enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        running = PgBouncer(program, database_url, folder, certificate)
        try:
            yield running
        finally:
            running.stop()
