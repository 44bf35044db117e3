"""`make demo`: compresses photographs over HTTP as a client does, and checks every answer."""

import io
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pillow_avif  # noqa: F401 - registers AVIF with Pillow
from PIL import Image as Picture
from PIL import ImageDraw

from fluximage import Client, FluximageError, Image, Options, Source
from infra.commands.console import Console
from infra.dev.temporary_service import temporary_service
from shared.errors import OperatorError

_SUFFIXES = {
    *(".jpg", ".jpeg", ".png", ".webp", ".avif"),
    *(".heic", ".heif", ".gif", ".tif", ".tiff", ".bmp"),
}


@dataclass(frozen=True)
class Run:
    """One batch of the demo: what it shows, and the options that ask for it."""

    title: str
    options: Options


def _logo() -> bytes:
    """A watermark with an alpha channel: white letters on a transparent ground."""
    logo = Picture.new("RGBA", (420, 90), (255, 255, 255, 0))
    ImageDraw.Draw(logo).text((8, 4), "fluximage", (255, 255, 255, 255), font_size=76)
    file = io.BytesIO()
    logo.save(file, "PNG")
    return file.getvalue()


RUNS = (
    Run("webp, as it comes", Options(format="webp")),
    Run("avif, at most 1200 pixels wide", Options(format="avif", max_width=1200)),
    Run(
        "jpg, at most 1000 x 1000, watermarked",
        Options(
            format="jpg", max_width=1000, max_height=1000, watermark=_logo(), watermark_scale=25
        ),
    ),
    Run("png, at most 400 pixels wide", Options(format="png", max_width=400)),
)


def main(folder: str) -> int:
    """Runs the demo with the photographs in `folder`; returns 1 when anything was wrong, else 0."""
    photographs = _read(Path(folder))
    started = time.monotonic()
    with Console() as out:
        out.step("Starting Postgres, Valkey, an object store, the API and the workers")
        # One API process is enough for one client.
        with temporary_service(environment={"WEB_CONCURRENCY": "1"}, hurry=True) as service:
            out.line(f"The service is up after {time.monotonic() - started:.1f} s: {service.url}\n")
            with Client(service.url, service.api_key) as client:
                faults = [fault for run in RUNS for fault in _show(run, client, photographs, out)]
            for fault in faults:
                out.line(f"WRONG: {fault}", sys.stderr)
            if not faults:
                total = len(RUNS) * len(photographs)
                out.line(
                    f"All {total} links downloaded and decoded, in their format, at their size."
                )
            out.step("Stopping")
    return 1 if faults else 0


def _read(folder: Path) -> list[Source]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise OperatorError(f"There are no photographs in {folder}")
    return [Source(path, path.name) for path in paths]


def _show(run: Run, client: Client, photographs: Sequence[Source], out: Console) -> Iterator[str]:
    """Prints a run's table and yields whatever is wrong with its answer."""
    started = time.monotonic()
    out.step(f"{run.title}: {len(photographs)} photographs")
    batch = client.send(photographs, run.options, wait_seconds=None)
    out.clear()
    print(f"{run.title} ({len(photographs)} photographs, {time.monotonic() - started:.1f} s)")
    if len(batch.images) != len(photographs):
        yield f"{run.title}: {batch}"
        return
    print(f"  {'name':<36} {'from':>9} {'to':>9} {'saved':>7}  link")
    for image in batch.images:
        print(
            f"  {image.file_name:<36} {_kilobytes(image.original_size):>9}"
            f" {_kilobytes(image.compressed_size):>9} {image.saved_percent:>6.1f}%"
            f"  {image.url.partition('?')[0]}?…"
        )
        yield from _check(client, image, run)
    print()


def _check(client: Client, image: Image, run: Run) -> Iterator[str]:
    file = io.BytesIO()
    client.download(image, file)
    with Picture.open(file) as decoded:
        decoded.load()
        found = (decoded.format or "", decoded.width, decoded.height)
    kind = {"jpg": "JPEG"}.get(image.format, image.format.upper())
    said = (kind, image.width, image.height)  # its bytes were compared by the download
    if found != said:
        yield f"{image.file_name} is {found}, not {said}"
    if image.watermarked != (run.options.watermark is not None):
        yield f"{image.file_name} has watermarked = {image.watermarked}"


def _kilobytes(size: int) -> str:
    return f"{size / 1000:,.1f} kB"


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (OperatorError, FluximageError) as error:
        sys.exit(error.message)
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell reports it; the service has ended by now
