"""What clients send while things break, and how they stand by it."""

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
BAD_FILE: File = ("notes.txt", b"This is not a picture.")
_SENDERS = 4
_PATIENCE_SECONDS = 120.0
_REPEAT_SECONDS = 0.2
_ACCEPTED = {200, 202}
_PASSING = {409, 429, 503}


@dataclass(frozen=True)
class Customer:
    """One account: its client, and the session that all of its batches go into."""

    client: Client
    session: str


@dataclass(frozen=True)
class Batch:
    """One request, sent until it is accepted; the key makes it the same request each time."""

    customer: Customer
    files: Sequence[File]
    fields: Mapping[str, str]
    key: str = field(default_factory=lambda: str(uuid4()))


def picture(width: int = 320, height: int = 240) -> bytes:
    """A PNG that has something to compress."""
    drawn = Image.effect_mandelbrot((width, height), (-2.0, -1.2, 1.0, 1.2), 90)
    file = io.BytesIO()
    drawn.convert("RGB").save(file, "PNG")
    return file.getvalue()


def files(count: int) -> Iterator[File]:
    """So many uploads; the last of each batchful is no picture.

    Each takes its time, so that whatever strikes a worker finds something in its hands.
    """
    data = poisoned(picture(), Poison.SLOW)
    for number in range(1, count + 1):
        yield BAD_FILE if number % BATCH_IMAGES == 0 else (f"{number}.png", data)


def send(batches: Sequence[Batch], seconds: float) -> None:
    """Sends all batches, the last of them after so many seconds; returns when all are accepted.

    Raises OperatorError where the service gives an answer that it should not.
    """
    started = time.monotonic()

    def at_its_time(number: int, batch: Batch) -> None:
        due = started + seconds * number / len(batches)
        time.sleep(max(0.0, due - time.monotonic()))
        accepted(batch)

    with ThreadPoolExecutor(_SENDERS) as pool:
        list(pool.map(at_its_time, range(len(batches)), batches))


def accepted(batch: Batch) -> dict[str, Any]:
    """The first answer that accepts the batch; until then it is sent again and again."""
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
        if status not in _PASSING or time.monotonic() > deadline:
            raise OperatorError(f"A batch was answered with {status}: {body}")
        time.sleep(_REPEAT_SECONDS)
