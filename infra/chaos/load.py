"""What clients send while things break: each request is repeated until it is accepted."""

import io
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import uuid4

from PIL import Image

import fluximage
from fluximage import Options, Source
from infra.chaos.poison import Poison, poisoned
from shared.errors import OperatorError

BATCH_IMAGES = 20
BAD_FILE = Source(b"This is not an image.", "notes.txt")
_SENDERS = 4
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Customer:
    """One account: its client and key, and the session of all its batches."""

    client: fluximage.Client
    api_key: str
    session: str


@dataclass(frozen=True)
class Batch:
    """One request. `key` is its Idempotency-Key, so that it may be repeated.

    wait_seconds: how long it waits for its images, once it is accepted.
    """

    customer: Customer
    files: Sequence[Source]
    options: Options = field(default_factory=Options)
    wait_seconds: int = 0
    key: str = field(default_factory=lambda: str(uuid4()))


def picture(width: int = 320, height: int = 240) -> bytes:
    """A PNG with enough detail to take some time."""
    drawn = Image.effect_mandelbrot((width, height), (-2.0, -1.2, 1.0, 1.2), 90)
    file = io.BytesIO()
    drawn.convert("RGB").save(file, "PNG")
    return file.getvalue()


def files(count: int) -> Iterator[Source]:
    """So many uploads; the last of each full batch is not an image.

    Each is slow to process, so that a fault finds the workers busy.
    """
    data = poisoned(picture(), Poison.SLOW)
    for number in range(1, count + 1):
        yield BAD_FILE if number % BATCH_IMAGES == 0 else Source(data, f"{number}.png")


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


def accepted(batch: Batch) -> fluximage.Batch:
    """Sends the batch until it is accepted, for PATIENCE_SECONDS; returns that answer."""
    customer = batch.customer
    try:
        return customer.client.send(
            batch.files,
            batch.options,
            session_id=customer.session,
            idempotency_key=batch.key,
            wait_seconds=batch.wait_seconds,
        )
    except fluximage.FluximageError as error:
        raise OperatorError(f"A batch was answered with {error!r}") from error
