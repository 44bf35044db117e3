"""An account that does nothing wrong, and what it feels: how long its small image takes."""

import http.client
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fluximage import Client, Source
from fluximage.errors import FluximageError, Temporary
from infra.attacks.files import small_jpeg

PATIENCE_SECONDS = 60.0  # then a request counts as not answered
_PAUSE_SECONDS = 0.05
_HEALTH_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 1.0


@dataclass
class Felt:
    """Seconds that each image and each health check took, answered or not, and what went wrong.

    refused_seconds: the longest time in which an image got nothing but a polite 503: one that says
    when to come again. unanswered: whatever else was not the result, as sentences.
    """

    images: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    refused_seconds: float = 0.0
    unanswered: list[str] = field(default_factory=list)


class Innocent:
    """One account's client, which opens a connection for each request.

    `session` is that of its last image.
    """

    def __init__(self, url: str, api_key: str) -> None:
        self._url, self._api_key = url, api_key
        self.session = ""
        self._image = Source(small_jpeg(), "small.jpg")

    def feel(self, seconds: float, at_least: int = 1) -> Felt:
        """Sends one image after another for so long, and asks for health at the same time.

        at_least: so many images, however long they take, unless one is not answered.
        """
        felt = Felt()
        with self._watching_health(felt):
            until = time.monotonic() + seconds
            while time.monotonic() < until or (len(felt.images) < at_least and not felt.unanswered):
                self._send_until_taken(felt)
                time.sleep(_PAUSE_SECONDS)
        return felt

    def _send_until_taken(self, felt: Felt) -> None:
        """Sends an image until it is not answered by a polite 503."""
        first = started = time.monotonic()
        while (pause := self._send(felt)) is not None:
            if started - first > PATIENCE_SECONDS:
                felt.unanswered.append(f"refused for over {PATIENCE_SECONDS:.0f} s")
                break
            time.sleep(pause)
            started = time.monotonic()
        felt.refused_seconds = max(felt.refused_seconds, started - first)

    def _send(self, felt: Felt) -> float | None:
        """Notes the answer; returns the seconds to wait where it was a polite 503."""
        with Client(
            self._url, self._api_key, timeout_seconds=PATIENCE_SECONDS, retry_seconds=0
        ) as client:
            began = time.monotonic()
            try:
                batch = client.send([self._image], wait_seconds=None)
            except Temporary as error:
                if error.status == 503 and error.retry_after_seconds is not None:
                    return min(error.retry_after_seconds, _LONGEST_PAUSE_SECONDS)
                late = error.status is None and time.monotonic() - began >= PATIENCE_SECONDS
                felt.unanswered.append("no answer" if late else f"{error.code}: {error.message}")
            except FluximageError as error:
                felt.unanswered.append(f"{error.code}: {error.message}")
            else:
                self.session = batch.session_id
                if batch.errors or not batch.done:
                    felt.unanswered.append(
                        f"failed: {batch.errors}" if batch.errors else "202, not awaited"
                    )
            felt.images.append(time.monotonic() - began)
        return None

    @contextmanager
    def _watching_health(self, felt: Felt) -> Iterator[None]:
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_HEALTH_PAUSE_SECONDS):
                started = time.monotonic()
                status = get(self._url, "/health/live")
                felt.health.append(time.monotonic() - started)
                if status != 200:
                    felt.unanswered.append(f"/health/live: {status}")

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def get(url: str, path: str, headers: dict[str, str] | None = None) -> int | str:
    """The status of the answer, or the error that came in its place."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=PATIENCE_SECONDS
    )
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def percentile(values: list[float], percent: int) -> float:
    """That percentile, by the nearest of the values above it; NaN without any."""
    if not values:
        return float("nan")
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def median(values: list[float]) -> float:
    """The middle value; NaN without any."""
    return statistics.median(values) if values else float("nan")
