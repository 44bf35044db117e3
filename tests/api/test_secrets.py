"""No answer and no log contains a secret; no answer shows a path or a traceback.

Two services are tested: the whole running one, and one whose every server refuses its secrets.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from infra.dev.messages_api import MessagesApi
from infra.embedded import Stack
from infra.processes import PERIODIC, WORKER
from shared.services import Services
from tests.api.calls import CALLS
from tests.api.conftest import Start
from tests.api.raw import exchange, head
from tests.support.client import Client
from tests.support.making import make_account, png
from tests.support.processes import command_lines, eventually

WRONG = {
    "redis": "Wr0ngRedisPassword",
    "database": "Wr0ngDatabasePassword",
    "s3": "Wr0ngS3SecretKey",
    "anthropic": "sk-ant-Wr0ngAnthropicKey",
}
STRANGERS_KEY = f"flx_live_{'5ec4e7' * 6}cafe"
INSIDE = re.compile(r"Traceback|File \"|\.py\b|(?<![\w.:/-])/(?:tmp|root|home|usr|var|opt|work)/")
_PROCESSES = {
    "migrate": ("infra.commands.main", "migrate"),
    "worker": WORKER.arguments,
    "periodic": PERIODIC.arguments,
}
ASKED_FOR_AI = {"autoAltText": "true", "autoRenameSEO": "true"}


@dataclass
class Output:
    """What clients read, and the operator's logs per process."""

    answers: list[str]
    logs: Mapping[str, str]


def _calls(client: Client) -> list[str]:
    """Answers to requests of every kind, good and bad."""
    files = [("a.png", png())]
    # A rolled key would end the others; `whole` rolls it after them.
    every = [call for call in CALLS if call.rule != "/api/keys/roll"]
    small = {"X-Filler": "x" * 9000}
    calls: list[tuple[str, str, dict[str, object]]] = [
        ("POST", "/api/usage", {}),
        ("GET", "/api/usage", {"headers": {"Authorization": f"Bearer {STRANGERS_KEY}"}}),
        ("GET", "/api/usage", {"headers": small}),
        ("GET", f"/{STRANGERS_KEY}", {}),
        ("GET", f"/?key={STRANGERS_KEY}", {}),
        ("GET", "/api/sessions/none?limit=x", {}),
        ("POST", "/api/compress", {"files": [("file", files[0])]}),
        ("POST", "/api/compress", {"files": [("file", ("x.txt", b"text"))]}),
        ("POST", "/api/compress", {"files": [("file", files[0])], "data": {"format": "gif"}}),
        ("POST", "/api/compress", {"files": [("file", files[0])], "data": ASKED_FOR_AI}),
        ("POST", "/api/compress", {"files": [("watermarkFile", ("w.png", b"none"))]}),
        *((call.method, call.path, {}) for call in every),
    ]

    def call(one: tuple[str, str, dict[str, object]]) -> str:
        answer = client.call(one[0], one[1], **one[2])  # type: ignore[arg-type] # as httpx takes them
        return f"{answer.headers}\n{answer.text}"

    with ThreadPoolExecutor(len(calls)) as pool:
        output = list(pool.map(call, calls))
    for line in (
        f"GET / {STRANGERS_KEY}\r\n\r\n",
        f"GET /#key={STRANGERS_KEY} HTTP/1.1\r\n\r\n",
        f"GET /?key={STRANGERS_KEY}#key={STRANGERS_KEY} HTTP/9.9\r\n\r\n",
        f"GET /{STRANGERS_KEY}\x00 HTTP/1.1\r\n\r\n",
        f"GET / HTTP/1.1\r\nAuthorization Bearer {STRANGERS_KEY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nBearer {STRANGERS_KEY}: x\r\n\r\n",
        head(STRANGERS_KEY, "Transfer-Encoding: chunked", "Content-Length: 1").decode(),
    ):
        answer = exchange(client.url, [line.encode()], half_close=True)
        output.append(f"{answer.headers}\n{answer.body.decode()}")
    return output


@pytest.fixture(scope="module")
def whole(stack: Stack, service_url: str, service: Services) -> Output:
    """The running service, also while its connections to Postgres are cut."""
    account, key = make_account(service)
    client = Client(service_url, key, account)
    answers = _calls(client)
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    answers += _calls(client)
    client.call("POST", "/api/keys/roll")  # the one answer with a key; the log has its request
    logs = stack.data_dir.folder("logs").glob("*.log")
    return Output(answers, {path.name: path.read_text() for path in logs})


@pytest.fixture(scope="module")
def refused(
    stack: Stack,
    provider: MessagesApi,
    unit_services: Services,
    start_api: Start,
    tmp_path_factory: pytest.TempPathFactory,
) -> Output:
    """Every process of ours, with secrets that no server takes; each has something to log."""
    folder = tmp_path_factory.mktemp("logs")
    environment = os.environ | stack.environment | provider.environment | _wrong(stack)
    account, key = make_account(unit_services)
    with ExitStack() as ends:
        for name, argv in _PROCESSES.items():
            log = ends.enter_context((folder / name).open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", *argv], env=environment, stdout=log, stderr=log
            )
            ends.callback(process.wait)
            ends.callback(process.kill)
        api = ends.enter_context(start_api(environment))
        answers = _calls(Client(api.url, key, account))  # each waits for Postgres for five seconds
        logs = [*folder.iterdir(), api.log]
        assert eventually(lambda: all(log.read_text().strip() for log in logs), seconds=30)
        return Output(answers, {log.name: log.read_text() for log in logs})


def _wrong(stack: Stack) -> dict[str, str]:
    def with_password(name: str, password: str) -> str:
        url = urlsplit(stack.environment[name])
        at = f"{url.username or ''}:{password}@{url.hostname}:{url.port}"
        return urlunsplit(url._replace(netloc=at))

    return {
        "REDIS_URL": with_password("REDIS_URL", WRONG["redis"]),
        "DATABASE_URL": with_password("DATABASE_URL", WRONG["database"]),
        "S3_SECRET_KEY": WRONG["s3"],
        "ANTHROPIC_API_KEY": WRONG["anthropic"],
    }


def _shown(secrets: Iterable[str], texts: Iterable[str]) -> list[str]:
    return [secret for secret in secrets for text in texts if secret in text]


@pytest.mark.parametrize("service_", ["whole", "refused"])
def test_no_answer_shows_a_path_or_a_traceback(
    request: pytest.FixtureRequest, service_: str
) -> None:
    output: Output = request.getfixturevalue(service_)
    assert len(output.answers) > 20
    assert not [answer for answer in output.answers if INSIDE.search(answer)]


def test_a_service_whose_servers_refuse_it_shows_no_secret(refused: Output) -> None:
    assert not _shown(WRONG.values(), refused.answers)
    assert not _shown(WRONG.values(), refused.logs.values())


def test_the_running_service_shows_no_secret(
    stack: Stack, provider: MessagesApi, whole: Output
) -> None:
    kept = {k: v for k, v in stack.data_dir.secrets().items() if k != "s3_access_key"}
    secrets = [*kept.values(), provider.key]
    assert len(secrets) >= 4
    assert not _shown(secrets, whole.answers)
    assert not _shown(secrets, whole.logs.values())
    assert {"web.log", "worker.log", "postgres.log"} <= whole.logs.keys()


def test_no_log_has_an_api_key(whole: Output, refused: Output) -> None:
    for output in (whole, refused):
        assert not [log for log in output.logs.values() if re.search(r"flx_live_[0-9a-f]", log)]
        assert any("flx_live_[removed]" in log for log in output.logs.values())


def test_no_command_line_has_a_secret(stack: Stack, service_url: str) -> None:
    assert service_url
    lines = command_lines().values()
    assert not _shown(stack.data_dir.secrets().values(), lines)
