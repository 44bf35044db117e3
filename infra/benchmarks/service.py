"""`make bench PHOTOS=folder`: throughput, latency and the API's memory, over HTTP.

The client, the API, the servers and the workers share the same cores. Prints one JSON line.
`efficiency` is (engine CPU seconds / cores) / wall seconds: 1 would mean that only the engine ran.
"""

import io
import itertools
import json
import socket
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pillow_avif  # noqa: F401 - registers AVIF with Pillow
import pillow_heif
from PIL import Image

from fluximage import Client, Options, Source
from fluximage.options import Format
from infra.benchmarks import ai_isolation
from infra.benchmarks.measuring import resident
from infra.dev.temporary_service import RunningService, temporary_service
from infra.processes import usable_cores
from infra.supervision import proc
from shared.errors import OperatorError

pillow_heif.register_heif_opener()

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic", ".heif", ".tif", ".tiff"}
_BATCH_IMAGES = 5
_CLIENTS = 3
_ENGINE_STEPS = ("decode", "resize", "watermark", "encode")
_SMALL_BYTES = 50_000
_LARGE_BYTES = 20 * 1024 * 1024
_SLOW_UPLOADS = 50
_LATENCY_REQUESTS = 50
_LOG_SECONDS = 10.0


def main(folder: str, count: str = "40") -> dict[str, Any]:
    """The figures of one run over `count` photographs of the folder, repeated if too few."""
    photographs = _photographs(Path(folder), int(count))
    with temporary_service() as service:
        _warm_up(service, photographs)
        figures = _throughput(service, photographs, "webp")
        figures["efficiency_avif"] = _throughput(service, photographs, "avif")["efficiency"]
        figures |= _latency(service)
        with _slow_uploads(service, _SLOW_UPLOADS):
            beside = _latency(service)
        figures["latency_ms_median_beside_50_slow_uploads"] = beside["latency_ms_median"]
        figures |= _memory(service)
    return figures | ai_isolation.figures()


def _photographs(folder: Path, count: int) -> list[Source]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise OperatorError(f"There are no photographs in {folder}")
    return [
        Source(path.read_bytes(), f"{index:03}-{path.name}")
        for index, path in zip(range(count), itertools.cycle(paths), strict=False)
    ]


def _warm_up(service: RunningService, photographs: Sequence[Source]) -> None:
    client = Client(service.url, service.api_key)
    for _ in range(3):
        client.send(photographs[:4], Options(max_width=400), wait_seconds=None)


def _throughput(
    service: RunningService, photographs: Sequence[Source], format: Format
) -> dict[str, Any]:
    """All photographs to that format at 1600 px, by three clients that send batches of five."""
    before = len(service.image_lines())
    client = Client(service.url, service.api_key)
    starts = range(0, len(photographs), _BATCH_IMAGES)
    batches = [photographs[start : start + _BATCH_IMAGES] for start in starts]
    started = time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(lambda batch: _send(client, batch, format), batches))
    wall = time.monotonic() - started
    lines = _image_lines(service, before, len(photographs))
    cpu = sum(line["engine_cpu_seconds"] for line in lines)
    return {
        "images": len(lines),
        "input_bytes": sum(photograph.size() for photograph in photographs),
        "megapixels": round(sum(_megapixels(photograph) for photograph in photographs), 1),
        "cores": usable_cores(),
        "wall_seconds": round(wall, 3),
        "engine_cpu_seconds": round(cpu, 3),
        "efficiency": round(cpu / usable_cores() / wall, 3),
    }


def _latency(service: RunningService) -> dict[str, Any]:
    """One small image at a time: the whole request, and its part beside the engine."""
    before = len(service.image_lines())
    client, small = Client(service.url, service.api_key), _small_jpeg()
    totals = []
    for _ in range(_LATENCY_REQUESTS):
        started = time.monotonic()
        client.send([Source(small, "small.jpg")], wait_seconds=None)
        totals.append(time.monotonic() - started)
    engines = [
        sum(line["seconds"][step] for step in _ENGINE_STEPS)
        for line in _image_lines(service, before, len(totals))
    ]
    above = [total - engine for total, engine in zip(totals, engines, strict=True)]
    return {
        "small_image_bytes": len(small),
        "latency_ms_median": round(1000 * statistics.median(totals), 1),
        "latency_ms_above_engine_median": round(1000 * statistics.median(above), 1),
    }


@contextmanager
def _slow_uploads(service: RunningService, count: int) -> Iterator[None]:
    """That many clients that have sent the start of a body and then stop."""
    head = (
        f"POST /api/compress HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.api_key}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n--x\r\n"
    )
    address = urlsplit(service.url)
    with ExitStack() as stack:
        for _ in range(count):
            host_and_port = (address.hostname or "", address.port or 80)
            stack.enter_context(socket.create_connection(host_and_port)).sendall(head.encode())
        yield


def _memory(service: RunningService) -> dict[str, Any]:
    """How much the API's processes grow while they receive 20 files of 20 MB (Linux only)."""
    workers = _web_workers(service.pid)
    before = {pid: _resident_kb(pid, "VmRSS") for pid in workers}
    for pid in workers:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # resets the peak
    client = Client(service.url, service.api_key)
    client.send([Source(bytes(_LARGE_BYTES), f"{n}.bin") for n in range(20)], wait_seconds=None)
    grown = sum(max(0, _resident_kb(pid, "VmHWM") - before[pid]) for pid in workers)
    return {"api_memory_growth_mb": round(grown / 1024, 1) if workers else None}


def _send(client: Client, batch: Sequence[Source], format: Format) -> None:
    answer = client.send(batch, Options(format=format, max_width=1600), wait_seconds=None)
    if not answer.done or answer.errors:
        raise OperatorError(f"A batch failed: {answer}")


def _image_lines(service: RunningService, before: int, count: int) -> list[dict[str, Any]]:
    """The log lines of so many images after the first ones; each follows its image's answer."""
    deadline = time.monotonic() + _LOG_SECONDS
    while len(lines := service.image_lines()[before:]) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return lines


def _megapixels(photograph: Source) -> float:
    content = photograph.content
    with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as image:
        return image.width * image.height / 1e6


def _small_jpeg() -> bytes:
    """A JPEG of at most 50 kB with about the detail of a photograph."""
    image = Image.effect_mandelbrot((640, 480), (-2.0, -1.2, 1.0, 1.2), 90).convert("RGB")
    noise = Image.effect_noise((640, 480), 40).convert("RGB")
    file = io.BytesIO()
    for quality in range(95, 20, -5):
        file = io.BytesIO()
        Image.blend(image, noise, 0.3).save(file, "JPEG", quality=quality)
        if file.tell() <= _SMALL_BYTES:
            break
    return file.getvalue()


def _web_workers(pid: int) -> list[int]:
    """The gunicorn workers below `fluximage up`; none without /proc."""
    masters = [child for child in proc.children(pid) if "gunicorn" in _command(child)]
    return [worker for master in masters for worker in proc.children(master)]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def _resident_kb(pid: int, field: str) -> int:
    """VmRSS (the present value) or VmHWM (the peak) of a process, in kilobytes."""
    return resident(field, pid) // 1024


if __name__ == "__main__":
    try:
        print(json.dumps(main(*sys.argv[1:])))
    except OperatorError as error:
        sys.exit(error.message)
