"""The whole service on embedded servers, with everything that a fault may take hold of."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from signal import Signals

from infra.chaos.broker_proxy import BrokerProxy
from infra.chaos.store_proxy import Mode, StoreProxy
from infra.commands import up
from infra.dev.messages_api import Answer, MessagesApi
from infra.embedded import temporary
from infra.embedded.network import LOOPBACK, free_port
from infra.migrations.run import migrate
from infra.supervision import proc
from infra.supervision.child import Child
from infra.supervision.supervisor import Supervisor
from shared import services, settings
from shared.errors import OperatorError, UnavailableError
from shared.services import Services

# As in production, with all waits far shorter. A task's limit is below its lease.
QUICK = {
    "FLUXIMAGE_TASK_LIMIT_SECONDS": "2",
    "FLUXIMAGE_LEASE_SECONDS": "3",
    "FLUXIMAGE_REPUBLISH_SECONDS": "2",
    "FLUXIMAGE_SWEEP_SECONDS": "1",
    "FLUXIMAGE_AI_TIMEOUT_SECONDS": "2",
    "FLUXIMAGE_AI_BUDGET_SECONDS": "3",
    "FLUXIMAGE_AI_CALLS_PER_MINUTE": "1000000",
    "FLUXIMAGE_AI_ACCOUNT_CALLS_PER_MINUTE": "1000000",
    "FLUXIMAGE_REQUESTS_PER_MINUTE": "1000000",
}
IMAGE_WORKERS = ("worker", "worker-2")  # one process for pixels each
READY_SECONDS = 60.0
_PUBLISHERS = ("web", "periodic")  # they see the broker through its proxy
_TEND_SECONDS = 0.05


@dataclass(frozen=True)
class Stage:
    """A running service: `names` are its processes' and its servers'.

    `services` reach the servers directly, past the proxies.
    """

    url: str
    names: frozenset[str]
    services: Services
    supervisor: Supervisor
    logs: Path
    model: MessagesApi
    store: StoreProxy
    broker: BrokerProxy

    def pid(self, name: str) -> int | None:
        """The process of a child of that name, if it runs now."""
        return self.supervisor.pids.get(name)

    def signal(self, name: str, number: Signals) -> None:
        """Sends a signal to a child itself, should it run."""
        if pid := self.pid(name):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def signal_pool(self, name: str, number: Signals) -> None:
        """Sends a signal to the processes that a child has started."""
        for pid in proc.children(self.pid(name) or 0):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def clear(self) -> None:
        """Makes everything whole and empty again; raises OperatorError when that fails."""
        self.store.turn(Mode.THROUGH)
        self.broker.allow()
        self.model.script.clear()
        self.model.requests.clear()
        self.model.otherwise = lambda _: Answer()
        self.await_ready()
        with self.services.database.transaction() as connection:
            connection.execute("TRUNCATE accounts, chaos_events CASCADE")
        self.services.redis.flushall()
        for name in set(self.services.store.list_batches()):
            self.services.store.delete_prefix(f"{name}/")

    def await_ready(self) -> None:
        """Waits until all children run and the API says that all servers answer."""
        port = int(self.url.rpartition(":")[2])
        if not eventually(
            lambda: self.supervisor.pids.keys() == self.names and up.is_ready(LOOPBACK, port),
            READY_SECONDS,
        ):
            raise OperatorError(f"The service did not get ready; its logs are in {self.logs}")


@contextmanager
def stage(keep_logs: Path | None = None) -> Iterator[Stage]:
    """A service of our own for as long as the block runs.

    keep_logs: a folder, not there yet, for the logs of all processes in the end.
    """
    with ExitStack() as undo:
        stack = undo.enter_context(temporary())
        if keep_logs:
            undo.callback(shutil.copytree, stack.data_dir.path / "logs", keep_logs)
        migrate(stack.environment["DATABASE_URL"])
        model = undo.enter_context(MessagesApi())
        store = undo.enter_context(StoreProxy(stack.environment["S3_ENDPOINT"]))
        broker = undo.enter_context(BrokerProxy(stack.environment["REDIS_URL"]))
        direct = stack.environment | model.environment | QUICK
        built = services.build(settings.load(direct), max_connections=4)
        undo.callback(built.close)
        _install_audit(built)
        port = free_port()
        for child in _children(port, os.environ | direct | {"S3_ENDPOINT": store.url}, broker.url):
            stack.supervisor.start(replace(child, log=stack.data_dir.log(child.name)))
        names = frozenset(stack.supervisor.pids)
        undo.enter_context(_tended(stack.supervisor))
        logs = stack.data_dir.path / "logs"
        url = f"http://{LOOPBACK}:{port}"
        ready = Stage(url, names, built, stack.supervisor, logs, model, store, broker)
        ready.await_ready()
        yield ready


def _children(port: int, env: Mapping[str, str], broker_url: str) -> Iterator[Child]:
    """The product's processes as `fluximage up` runs them, a second image worker with them."""
    for child in up.children(up.Options(LOOPBACK, port, Path(), workers=1), port, env):
        argv = [part.replace("workers.celery", "infra.chaos.worker") for part in child.argv]
        child = replace(child, argv=argv)
        if child.name in _PUBLISHERS:
            child = replace(child, env=dict(env) | {"REDIS_URL": broker_url})
        yield child
        if child.name == "worker":
            argv = [part.replace("images@", "images-2@") for part in argv]
            yield replace(child, name="worker-2", argv=argv)


def _install_audit(built: Services) -> None:
    statements = Path(__file__).with_name("audit.sql").read_text(encoding="utf-8")
    with built.database.transaction() as connection:
        connection.execute(statements.encode())


@contextmanager
def _tended(supervisor: Supervisor) -> Iterator[None]:
    """Starts again what ends, for as long as the block runs, however often it was killed."""
    supervisor.quick_deaths_limit = sys.maxsize
    over = threading.Event()

    def tend() -> None:
        while not over.wait(_TEND_SECONDS):
            supervisor.tend()

    thread = threading.Thread(target=tend, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    """Whether the condition comes true in that time; a server that is away makes it false."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(UnavailableError):
            if condition():
                return True
        time.sleep(0.05)
    return False
