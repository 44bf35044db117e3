"""The whole service on embedded servers, with handles on everything that a fault breaks."""

import os
import shutil
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
from infra.processes import PROCESSES, CeleryWorker, Process
from infra.supervision import proc
from infra.supervision.child import Child
from infra.supervision.supervisor import Supervisor
from shared import services, settings
from shared.errors import OperatorError, UnavailableError
from shared.services import Services

# Far shorter waits than in production. A task's limit must be below its lease.
SHORT_WAITS = {
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
IMAGE_WORKERS = ("worker", "worker-2")  # each has one process for pixels
READY_SECONDS = 60.0
_PUBLISHERS = ("web", "periodic")  # they reach the broker through its proxy

_DELETE_EVERYTHING = """
TRUNCATE accounts, chaos_events CASCADE
"""
_RESTART_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Environment:
    """A running service. `names` are those of its processes and its servers.

    `services` reach the servers directly, not through the proxies.
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
        """The process id of the child of that name, if it runs now."""
        return self.supervisor.pids.get(name)

    def signal(self, name: str, number: Signals) -> None:
        """Sends a signal to the child's main process, if it runs."""
        if pid := self.pid(name):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def signal_pool(self, name: str, number: Signals) -> None:
        """Sends a signal to the processes that a child has started."""
        for pid in proc.children(self.pid(name) or 0):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def clear(self) -> None:
        """Repairs and empties everything; raises OperatorError when that fails."""
        self.store.turn(Mode.THROUGH)
        self.broker.allow()
        self.model.script.clear()
        self.model.requests.clear()
        self.model.otherwise = lambda _: Answer()
        self.wait_until_ready()
        with self.services.database.transaction() as connection:
            connection.execute(_DELETE_EVERYTHING)
        self.services.redis.flushall()
        for name in set(self.services.store.list_batches()):
            self.services.store.delete_prefix(f"{name}/")

    def wait_until_ready(self) -> None:
        """Waits until all children run and the API reports that all servers answer."""
        port = int(self.url.rpartition(":")[2])
        if not eventually(
            lambda: self.supervisor.pids.keys() == self.names and up.is_ready(LOOPBACK, port),
            READY_SECONDS,
        ):
            raise OperatorError(f"The service did not become ready; its logs are in {self.logs}")


@contextmanager
def start_environment(keep_logs: Path | None = None) -> Iterator[Environment]:
    """A service that runs as long as the block.

    keep_logs: a new folder, which gets the logs of all processes at the end.
    """
    with ExitStack() as undo:
        stack = undo.enter_context(temporary())
        if keep_logs:
            undo.callback(shutil.copytree, stack.data_dir.path / "logs", keep_logs)
        migrate(stack.environment["DATABASE_URL"])
        model = undo.enter_context(MessagesApi())
        store = undo.enter_context(StoreProxy(stack.environment["S3_ENDPOINT"]))
        broker = undo.enter_context(BrokerProxy(stack.environment["REDIS_URL"]))
        direct = stack.environment | model.environment | SHORT_WAITS
        built = services.build(settings.load(direct), max_connections=4)
        undo.callback(built.close)
        _install_audit(built)
        port = free_port()
        for child in _children(port, os.environ | direct | {"S3_ENDPOINT": store.url}, broker.url):
            stack.supervisor.start(replace(child, log=stack.data_dir.log(child.name)))
        names = frozenset(stack.supervisor.pids)
        undo.enter_context(_restarting(stack.supervisor))
        logs = stack.data_dir.path / "logs"
        url = f"http://{LOOPBACK}:{port}"
        environment = Environment(url, names, built, stack.supervisor, logs, model, store, broker)
        environment.wait_until_ready()
        yield environment


def _children(port: int, env: Mapping[str, str], broker_url: str) -> Iterator[Child]:
    """The processes as `fluximage up` starts them."""
    options = up.UpOptions(LOOPBACK, port, Path(), workers=1)
    for child in up.children(options, port, env, list(_processes())):
        if child.name in _PUBLISHERS:
            child = replace(child, env=dict(env) | {"REDIS_URL": broker_url})
        yield child


def _processes() -> Iterator[Process]:
    """The product's processes, with a second image worker, and workers that obey poison."""
    for process in PROCESSES:
        if not isinstance(process, CeleryWorker):
            yield process
            continue
        worker = replace(process, app="infra.chaos.worker")
        yield worker
        if worker.name == "worker":
            yield replace(worker, name="worker-2", node="images-2")


def _install_audit(built: Services) -> None:
    """Has the database note each claim, end and close of a row in `chaos_events`."""
    statements = Path(__file__).with_name("audit.sql").read_text(encoding="utf-8")
    with built.database.transaction() as connection:
        connection.execute(statements.encode())


@contextmanager
def _restarting(supervisor: Supervisor) -> Iterator[None]:
    """Restarts what ends while the block runs, however often it was killed."""
    over = threading.Event()

    def restart() -> None:
        while not over.wait(_RESTART_POLL_SECONDS):
            supervisor.restart_ended()

    thread = threading.Thread(target=restart, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    """Whether the condition becomes true in that time; while a server is away it is false."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(UnavailableError):
            if condition():
                return True
        time.sleep(0.05)
    return False
