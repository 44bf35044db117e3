"""What clients send while things break: each request is repeated until it is accepted."""

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from uuid import uuid4

from PIL import Image

from infra.chaos.poison import Poison, poisoned
from infra.client import Client, File
from shared.errors import OperatorError

BATCH_IMAGES = 20
ASYNC = {"Prefer": "respond-async"}
BAD_FILE: File = ("notes.txt", b"This is not an image.")
_SENDERS = 4
_PATIENCE_SECONDS = 120.0
_REPEAT_SECONDS = 0.2
_ACCEPTED = {200, 202}
_TEMPORARY = {409, 429, 503}


@dataclass(frozen=True)
class Customer:
    """One account: its client, and the session of all its batches."""

    client: Client
    session: str


@dataclass(frozen=True)
class Batch:
    """One request. `key` is its Idempotency-Key, so that it may be repeated."""

    customer: Customer
    files: Sequence[File]
    fields: Mapping[str, str]
    key: str = field(default_factory=lambda: str(uuid4()))


def picture(width: int = 320, height: int = 240) -> bytes:
    """A PNG with enough detail to take some time."""
    drawn = Image.effect_mandelbrot((width, height), (-2.0, -1.2, 1.0, 1.2), 90)
    file = io.BytesIO()
    drawn.convert("RGB").save(file, "PNG")
    return file.getvalue()


def files(count: int) -> Iterator[File]:
    """So many uploads; the last of each full batch is not an image.

    Each is slow to process, so that a fault finds the workers busy.
    """
    data = poisoned(picture(), Poison.SLOW)
    for number in range(1, count + 1):
        yield BAD_FILE if number % BATCH_IMAGES == 0 else (f"{number}.png", data)


def send(batches: Sequence[Batch], seconds: float) -> None:
    """Sends the batches evenly over so many seconds; returns when all are accepted.

    Raises OperatorError for an answer that the service must not return.
    """
    started = time.monotonic()

    def send_when_due(number: int, batch: Batch) -> None:
        due = started + seconds * number / len(batches)
        time.sleep(max(0.0, due - time.monotonic()))
        accepted(batch)

    with ThreadPoolExecutor(_SENDERS) as pool:
        list(pool.map(send_when_due, range(len(batches)), batches))


def accepted(batch: Batch) -> dict[str, Any]:
    """Sends the batch until it is accepted; returns that answer."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    fields = {"sessionId": batch.customer.session} | dict(batch.fields)
    headers = ASYNC | {"Idempotency-Key": batch.key}
    while True:
        try:
            status, body = batch.customer.client.compress(batch.files, fields, headers=headers)
        except (OSError, HTTPException) as error:  # the API ended, or its connections were cut
            status, body = 503, {"error": repr(error)}
        if status in _ACCEPTED or (status == 422 and "batch_id" in body):
            return body
        if status not in _TEMPORARY or time.monotonic() > deadline:
            raise OperatorError(f"A batch was answered with {status}: {body}")
        time.sleep(_REPEAT_SECONDS)
