"""`make bench-peers PHOTOS=folder`: the whole service beside sharp and imgproxy, over HTTP.

Two clients send 40 photographs to webp and then to avif, at most 1600 pixels wide, and after that
one sends a small photograph again and again. This service gets batches of 20, and its results are
downloaded. A bare server around sharp gets one request per image, two at a time. imgproxy (only
where IMGPROXY=/path/to/imgproxy names it) reads the photographs from a folder. All share the
cores with the clients, whose CPU is not counted; that of all processes of a side is, and idle
ones of the others may take some time from it. Rounds are interleaved, and their median counts.

The peers' quality is the one with our mean SSIMULACRA2 score on six of the photographs. A table
is on stderr, JSON on stdout; seconds of the small photograph are those of all its requests.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from infra.benchmarks.peers.run import Plan, run
from shared.errors import OperatorError

_DEFAULTS = Plan(Path())
_path = click.Path(path_type=Path)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--count", type=click.IntRange(1), default=_DEFAULTS.count, help="Photographs.")
@click.option("--rounds", type=click.IntRange(1), default=_DEFAULTS.rounds)
@click.option(
    "--requests", type=click.IntRange(1), default=_DEFAULTS.requests, help="Of the small image."
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=_DEFAULTS.sample,
    help="Photographs that choose a peer's quality.",
)
@click.option("--sharp", default=_DEFAULTS.sharp, type=_path)
@click.option("--sharp-effort", "avif_effort", type=click.IntRange(0, 9), help="For sharp's AVIF.")
@click.option(
    "--imgproxy", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its binary."
)
def main(**plan: Any) -> None:
    """Compares the whole service with sharp and imgproxy over the photographs in FOLDER."""
    try:
        figures = run(Plan(**plan), _progress)
    except OperatorError as error:
        sys.exit(error.message)
    for line in _table(figures):
        _progress(line)
    print(json.dumps(figures))


def _table(figures: dict[str, Any]) -> Iterator[str]:
    if figures["without_sharp"]:
        yield f"Without sharp's figures: {figures['without_sharp']}."
    for name, case in figures["cases"].items():
        yield ""
        how = "one at a time" if case["one_at_a_time"] else f"{figures['clients']} clients"
        images = case["images"]
        yield f"{name}: {images} images, {how}"
        yield (
            f"  {'':<10} {'wall s':>8} {'CPU s':>8} {'ms each':>8} {'CPU ms each':>12}"
            f" {'MB':>8} {'score':>7} {'quality':>8}"
        )
        for side, found in case["sides"].items():
            yield (
                f"  {side:<10} {found['wall_seconds']:>8.2f} {found['cpu_seconds']:>8.2f}"
                f" {1000 * found['wall_seconds'] / images:>8.0f}"
                f" {1000 * found['cpu_seconds'] / images:>12.0f}"
                f" {found['output_bytes'] / 1e6:>8.2f} {found['score']:>7.2f}"
                f" {found['quality']:>8}"
            )


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
