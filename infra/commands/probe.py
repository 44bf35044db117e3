"""`fluximage probe`: a health check for containers and orchestrators, cheap enough to run often.

Its imports are few on purpose: most of its cost is the start of Python.
"""

import json
import os
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import click

from shared import heartbeat
from shared.errors import OperatorError

API = "api"
# What each process beats as: a worker as its queue (infra.processes, which would import Celery).
BEATS = {
    "worker": "images",
    "express": "express",
    "ai": "ai",
    "io": "io",
    "calls": "calls",
    "periodic": "periodic",
}
TIMEOUT_SECONDS = 4.0


@click.command("probe")
@click.argument("process", type=click.Choice([API, *BEATS]), required=False)
@click.option("--url", help="Address of the API.  [default: http://127.0.0.1:8080, or its PORT]")
def command(process: str | None, url: str | None) -> None:
    """Exit code 0 when PROCESS works, as far as it can be seen on this machine; else 1.

    For `api`, that all of its servers answer. For the others, that they have renewed their sign of
    life in TMPDIR, which they do while their servers answer. Without PROCESS: what runs here.
    """
    beats = [one for one in heartbeat.running() if process in (None, _process(one.name))]
    if process in (None, API) and not beats:
        _ask(url or f"http://127.0.0.1:{os.environ.get('PORT') or 8080}")
        print("Healthy: api")
        return
    if not beats:
        raise OperatorError(f"No {process} process of this user has given a sign of life.")
    late = [one for one in beats if one.late_seconds > 0]
    for one in late:
        name, seconds = _process(one.name), one.late_seconds
        print(f"{name} (process {one.pid}): its sign of life is {seconds:.0f} s overdue.")
    if late:
        raise OperatorError("Not healthy.")
    print("Healthy: " + ", ".join(sorted(_process(one.name) for one in beats)))


def _process(beat: str) -> str:
    return next((process for process, name in BEATS.items() if name == beat), beat)


def _ask(url: str) -> None:
    """Raises OperatorError unless the API there says that it is ready."""
    address = urlsplit(url)
    connection = HTTPConnection(address.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        body = answer.read(10_000)
    except (OSError, HTTPException) as error:
        raise OperatorError(f"Nothing answers at {url} ({error}).") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise OperatorError(f"{url} answers {answer.status}: {_error(body)}")


def _error(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return "it is not this service."
