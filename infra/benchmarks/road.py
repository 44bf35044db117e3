"""`make bench-road COUNT=10000`: what the service costs around the engine, by process. Linux only.

One JSON line: small images one at a time, each answered at once; then many in one session.
"""

import io
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image

from fluximage import Client, Source
from fluximage.answers import Progress
from infra.benchmarks.cpu_by_process import cpu_seconds
from infra.dev.temporary_service import RunningService, temporary_service
from infra.processes import usable_cores
from shared.errors import OperatorError

_PHOTOGRAPH = Path("tests/samples/rocket.jpg")
_REQUESTS = 200
_SMALL_BYTES = 30_000
_BATCH_IMAGES, _CLIENTS = 20, 2
_ENGINE_STEPS = ("decode", "resize", "watermark", "encode")
_NO_LIMIT = {"FLUXIMAGE_REQUESTS_PER_MINUTE": "100000"}


def main(count: str = "2000") -> dict[str, Any]:
    """The figures of one run; count: images in the session."""
    with temporary_service(environment=_NO_LIMIT) as service:
        client = Client(service.url, service.api_key)
        photograph = _PHOTOGRAPH.read_bytes()
        _one_at_a_time(service, client, photograph, 30)
        return {
            "cores": usable_cores(),
            "one": _one_at_a_time(service, client, photograph, _REQUESTS),
            "many": _many(service, client, int(count)),
        }


def _one_at_a_time(
    service: RunningService, client: Client, photograph: bytes, count: int
) -> dict[str, Any]:
    before, lines_before = cpu_seconds(service.pid), len(service.image_lines())
    totals = []
    for _ in range(count):
        started = time.monotonic()
        client.send([Source(photograph, "photograph.jpg")], wait_seconds=None)
        totals.append(time.monotonic() - started)
    lines = _lines(service, lines_before, count)
    engine = statistics.median(
        sum(line["seconds"][step] for step in _ENGINE_STEPS) for line in lines
    )
    answer = statistics.median(totals)
    return {
        "answer_ms": round(1000 * answer, 1),
        "engine_ms": round(1000 * engine, 1),
        "answer_above_engine": round((answer - engine) / engine, 2),
    } | _costs(service, before, lines)


def _many(service: RunningService, client: Client, count: int) -> dict[str, Any]:
    """So many images in one session, in batches, each accepted at once."""
    before, lines_before = cpu_seconds(service.pid), len(service.image_lines())
    session = str(uuid4())
    image, starts = _small_jpeg(), range(0, count, _BATCH_IMAGES)

    def send(start: int) -> None:
        names = [f"{number}.jpg" for number in range(start, min(start + _BATCH_IMAGES, count))]
        client.send([Source(image, name) for name in names], session_id=session)

    started = time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(send, starts))
    sent = time.monotonic() - started
    while _open(progress := client.session(session, limit=1).progress):
        time.sleep(0.5)
    seconds = time.monotonic() - started
    if progress.failed:
        raise OperatorError(f"{progress.failed} images failed")
    lines = _lines(service, lines_before, count)
    return {
        "images": count,
        "bytes": len(image),
        "sent_per_second": round(count / sent, 1),
        "per_second": round(count / seconds, 1),
    } | _costs(service, before, lines)


def _open(progress: Progress) -> bool:
    return progress.queued + progress.processing > 0


def _costs(
    service: RunningService, before: Counter[str], lines: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    count = len(lines)
    engine = sum(line["engine_cpu_seconds"] for line in lines)
    used = cpu_seconds(service.pid)
    used.subtract(before)
    beside = used.total() - engine
    return {
        "engine_cpu_ms": round(1000 * engine / count, 1),
        "service_cpu_ms": round(1000 * beside / count, 1),
        "service_cpu_by_engine": round(beside / engine, 2),
        "cpu_ms": {name: round(1000 * used[name] / count, 1) for name in sorted(used)},
    }


def _lines(service: RunningService, before: int, count: int) -> list[dict[str, Any]]:
    """The log lines of so many images; each follows its image's answer."""
    deadline = time.monotonic() + 10
    while len(lines := service.image_lines()[before:]) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    return lines


def _small_jpeg() -> bytes:
    with Image.open(_PHOTOGRAPH) as image:
        image.thumbnail((400, 400))
        for quality in range(98, 40, -2):
            file = io.BytesIO()
            image.save(file, "JPEG", quality=quality)
            if file.tell() <= _SMALL_BYTES:
                return file.getvalue()
    raise OperatorError("The photograph has too much detail")


if __name__ == "__main__":
    try:
        print(json.dumps(main(*sys.argv[1:])))
    except OperatorError as error:
        sys.exit(error.message)
