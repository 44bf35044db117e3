"""`fluximage probe`: a health check for containers and orchestrators, cheap enough to run often.

Its imports are few on purpose: most of its cost is the start of Python.
"""

import json
import os
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import click

from shared import heartbeat
from shared.errors import OperatorError
from shared.heartbeat import Heartbeat
from shared.private_folder import RUN_DIR, RUN_FOLDER

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
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".fluximage"),
    show_default=True,
    help="Directory of a `fluximage up` whose processes are meant too.",
)
def command(process: str | None, url: str | None, data_dir: Path) -> None:
    """Exit code 0 when PROCESS works, as far as it can be seen on this machine; else 1.

    For `api`, that all of its servers answer. For the others, that they have renewed their sign of
    life in FLUXIMAGE_RUN_DIR, which they do while their servers answer, and that it tells of no
    fault. Without PROCESS: what runs here.
    """
    beats = [one for one in _running(data_dir) if process in (None, _process(one.name))]
    if process in (None, API) and not beats:
        _ask(url or f"http://127.0.0.1:{os.environ.get('PORT') or 8080}")
        print("Healthy: api")
        return
    if not beats:
        raise OperatorError(f"No {process} process of this user has given a sign of life.")
    if troubles := [trouble for one in beats if (trouble := _trouble(one))]:
        print("\n".join(troubles))
        raise OperatorError("Not healthy.")
    print("Healthy: " + ", ".join(sorted(_process(one.name) for one in beats)))


def _running(data_dir: Path) -> list[Heartbeat]:
    """Those in the run folder of this environment, and those of a `fluximage up`."""
    try:
        beats = heartbeat.running()
        if (folder := data_dir / RUN_FOLDER).is_dir() and not os.environ.get(RUN_DIR):
            beats += heartbeat.running(folder)
    except OSError as error:
        raise OperatorError(f"The signs of life cannot be read: {error}.") from error
    return beats


def _trouble(beat: Heartbeat) -> str:
    name = f"{_process(beat.name)} (process {beat.pid})"
    if beat.late_seconds > 0:
        return f"{name}: its sign of life is {beat.late_seconds:.0f} s overdue."
    return f"{name}: {beat.fault}." if beat.fault else ""


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
