"""The embedded stack: those of the three servers that the environment does not name."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.embedded.data_dir import DataDir
from infra.embedded.leftovers import end_leftovers, postmaster
from infra.embedded.network import LOOPBACK, free_port
from infra.embedded.objects import objects
from infra.embedded.postgres import initialise, postgres
from infra.embedded.postgres_home import Home, find_home, outside_of
from infra.embedded.server import Server
from infra.embedded.valkey import valkey
from infra.supervision.supervisor import Supervisor
from shared.errors import OperatorError
from shared.private_folder import RUN_DIR, RUN_FOLDER

PARTS = ("REDIS_URL", "DATABASE_URL", "S3_ENDPOINT")
PUBLIC = "S3_PUBLIC_ENDPOINT"
KEYS = "FLUXIMAGE_SECRET_KEYS"
START_SECONDS = 60.0  # a killed database recovers first


class Stack:
    """The servers over one data directory, as a context manager; they end with it.

    Inside it, `environment` holds REDIS_URL, DATABASE_URL and S3_* for clients, and the run folder
    of the processes. A server that `environ` names is used as it is and not started; `parts` are
    the others, which are ours.
    Raises OperatorError when the directory is in use or a server does not start.
    """

    def __init__(
        self,
        data_dir: Path,
        host: str = LOOPBACK,
        environ: Mapping[str, str] | None = None,
        parts: tuple[str, ...] = PARTS,
        foreground: bool = False,
    ) -> None:
        """`host` is where the object store listens; the others listen on the loopback.

        `parts` are the servers that are needed. `foreground` takes over the signals of this
        process while the stack runs (see Supervisor).
        """
        given = os.environ if environ is None else environ
        known = (*PARTS, PUBLIC, KEYS, RUN_DIR)
        self._given = {name: given[name] for name in known if given.get(name)}
        self.parts = frozenset(part for part in parts if part not in self._given)
        self._host = host
        self._foreground = foreground
        self.data_dir = DataDir(data_dir)
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            lock = self.data_dir.lock()
            undo.callback(os.close, lock)
            self.supervisor = undo.enter_context(Supervisor([lock], self._foreground))
            self._start()
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    def _start(self) -> None:
        state, secrets = self.data_dir.state(), self.data_dir.secrets()
        ports, pids = dict(state.get("ports", {})), dict(state.get("pids", {}))
        end_leftovers(pids.values(), [self.data_dir.path])
        servers = []
        if "REDIS_URL" in self.parts:
            servers.append(self._valkey(ports, secrets["redis_password"]))
        if "S3_ENDPOINT" in self.parts:
            servers.append(self._objects(ports, secrets))
        if "DATABASE_URL" in self.parts:  # last, since a first start takes long
            servers.append(self._postgres(ports, secrets["database_password"]))
        for server in servers:
            self._await(server)
            self.environment |= server.environment
        run_folder = str(self.data_dir.folder(RUN_FOLDER))
        self.environment |= {KEYS: secrets["secret_keys"], RUN_DIR: run_folder} | self._given

        def keep_state() -> None:
            state = {"ports": ports, "pids": self.supervisor.pids, "environment": self.environment}
            self.data_dir.keep_state(state)

        def note_change() -> None:
            with suppress(OSError):  # a full disk must not end the service
                keep_state()

        keep_state()
        self.supervisor.on_restart = note_change

    def _valkey(self, ports: dict[str, int], password: str) -> Server:
        ports["valkey"] = free_port(ports.get("valkey"))
        log = self.data_dir.log("valkey")
        return self._begin(valkey(self.data_dir.folder("valkey"), ports["valkey"], password, log))

    def _objects(self, ports: dict[str, int], secrets: dict[str, str]) -> Server:
        ports["objects"] = free_port(ports.get("objects"), self._host)
        folder, log = self.data_dir.folder("objects"), self.data_dir.log("objects")
        access_key, secret_key = secrets["s3_access_key"], secrets["s3_secret_key"]
        return self._begin(
            objects(folder, self._host, ports["objects"], access_key, secret_key, log)
        )

    def _postgres(self, ports: dict[str, int], password: str) -> Server:
        home, log = find_home(self.data_dir.path / "postgres"), self.data_dir.log("postgres")
        initialise(home, password, self.supervisor, log)
        _make_startable(home)
        ports["postgres"] = free_port(ports.get("postgres"))
        return self._begin(postgres(home, ports["postgres"], password, log))

    def _begin(self, server: Server) -> Server:
        self.supervisor.start(server.child)
        return server

    def _await(self, server: Server) -> None:
        child = server.child
        if not self.supervisor.wait_until(child.name, server.answers, START_SECONDS):
            raise OperatorError(f"The embedded {child.name} did not start; {child.end_of_log()}")


def _make_startable(home: Home) -> None:
    """Remove the lock file of a killed Postgres, whose process id may have been reused.

    No other process starts it meanwhile, since we hold the lock of the data directory.
    """
    if (pid := postmaster(home.data)) is not None:
        end_leftovers([pid], [home.data])
        (home.data / "postmaster.pid").unlink(missing_ok=True)


def remove(data_dir: Path) -> None:
    """Delete the data of a stopped stack, also the part outside `data_dir`."""
    if outside := outside_of(data_dir):
        shutil.rmtree(outside, ignore_errors=True)
    shutil.rmtree(data_dir)


@contextmanager
def temporary(parts: tuple[str, ...] = PARTS) -> Iterator[Stack]:
    """A stack in a temporary data directory, for tests."""
    data_dir = Path(tempfile.mkdtemp(prefix="fluximage-"))
    if os.geteuid() == 0:
        data_dir.chmod(0o711)  # as DataDir does it
    try:
        with Stack(data_dir, environ={}, parts=parts) as stack:
            yield stack
    finally:
        remove(data_dir)


@contextmanager
def database_url(data_dir: Path) -> Iterator[str]:
    """The DATABASE_URL of the stack in `data_dir`; a stopped database runs during the block.

    Raises OperatorError when there is no such data directory, or its stack is just starting.
    """
    try:
        known = (data_dir / "secrets.json").exists()
    except OSError as error:
        raise OperatorError(f"{data_dir} cannot be read: {error.strerror}.") from error
    if not known:
        raise OperatorError(
            f"There is no data of fluximage in {data_dir}: run `fluximage up` first, give its"
            " --data-dir, or set DATABASE_URL."
        )
    directory = DataDir(data_dir)
    if (free := directory.try_lock()) is not None:
        os.close(free)
        with Stack(data_dir, environ={}, parts=("DATABASE_URL",)) as stack:
            yield stack.environment["DATABASE_URL"]
        return
    environment = directory.state().get("environment", {})
    if "DATABASE_URL" not in environment:
        raise OperatorError("fluximage is just starting or stopping; try again in a moment.")
    yield environment["DATABASE_URL"]
