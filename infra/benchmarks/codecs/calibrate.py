"""`make calibrate PHOTOS=folder`: writes the table of encoder qualities, its plot and its page."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from infra.benchmarks.codecs import pictures, plot
from infra.benchmarks.codecs.curves import value_at
from infra.benchmarks.codecs.native_encoders import ENCODERS
from infra.benchmarks.codecs.quality import Calibration, Pairs, calibrate
from infra.benchmarks.codecs.scoring import start_scorer
from shared.errors import OperatorError

_PACKAGES = ("pillow", "pillow-avif-plugin", "pyjpegli", "ssimulacra2")
_TURBO = "libjpeg-turbo"
_BEGIN, _END = "<!-- make calibrate: begin -->", "<!-- make calibrate: end -->"

_path = click.Path(path_type=Path)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--side", default=1024, help="Scale pictures to fit this many pixels; 0: full size.")
@click.option("--limit", type=int, help="At most this many pictures, spread over the folder.")
@click.option("--step", default=4, help="Between two measured qualities.")
@click.option("--table", type=_path, default="workers/imaging/encoding/quality_table.py")
@click.option("--plot", "image", type=_path, default="docs/quality.png")
@click.option(
    "--page", type=_path, default="docs/quality.md", help="Only what is between its marks."
)
def main(
    folder: Path, side: int, limit: int | None, step: int, table: Path, image: Path, page: Path
) -> None:
    """Makes the quality table again from the photographs in FOLDER."""
    try:
        photographs = pictures.load(folder, side, limit)
        with start_scorer() as scorer:
            found = calibrate(ENCODERS, photographs, scorer, step, _progress)
        about = _about(side, len(photographs))
        # The page first: if it has no marks, nothing has been written yet.
        page.write_text(rewritten(page.read_text(), _section(found, about)))
    except OperatorError as error:
        sys.exit(error.message)
    table.write_text(as_python(found, about))
    own = {name: curve.scores for name, curve in found.curves.items()}
    plot.draw_calibration(own, found.proof, found.target, image)
    _progress(f"At one quality the formats are {found.most_apart:.2f} points apart at most.")


def as_python(found: Calibration, about: Mapping[str, Any]) -> str:
    """The module with the encoder qualities for the engine."""
    lines = [
        f'"""Written by `make calibrate` on {about["date"]}; docs/quality.md says how."""',
        "",
        "# By quality curve: the encoder quality for each quality from 40 to 100.",
        "# fmt: off",
        "ENCODER_QUALITY: dict[str, tuple[float, ...]] = {",
    ]
    for name, curve in found.curves.items():
        lines.append(f'    "{name}": (')
        lines += _wrapped(f"{value:.1f}," for _, value in curve.table)
        lines.append("    ),")
    return "\n".join([*lines, "}", ""])


def _wrapped(words: Iterable[str]) -> list[str]:
    indent = " " * 8
    return fill(" ".join(words), 96, initial_indent=indent, subsequent_indent=indent).splitlines()


def rewritten(page: str, section: str) -> str:
    """The page with a new section between its two marks; raises OperatorError without them."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise OperatorError(f"The page has no {_BEGIN} followed by {_END}")
    return f"{before}{begin}\n{section}\n{end}{after}"


def _about(side: int, count: int) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "pictures": count,
        "side": side,
        "versions": {name: version(name) for name in _PACKAGES},
    }


def _section(found: Calibration, about: Mapping[str, Any]) -> str:
    """What was measured, in Markdown: the encoder qualities and the scores that they reach."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    size = f"at most {about['side']} pixels per side" if about["side"] else "full size"
    return "\n".join(
        [
            f"Measured on {about['date']} with {about['pictures']} pictures ({size}), {versions}.",
            "",
            "The encoder quality for each quality:",
            "",
            *_rows({name: curve.table for name, curve in found.curves.items()}, found.target),
            "",
            "The mean score of files encoded with these encoder qualities, if they can reach it:",
            "",
            *_rows({_TURBO: found.target} | found.proof, found.proof[min(found.proof)]),
            "",
            f"At one quality the encoders are {found.most_apart:.2f} points apart at most.",
        ]
    )


def _rows(columns: Mapping[str, Pairs], at: Pairs) -> Iterator[str]:
    """A table with a row per quality of `at`; cells outside of a column's range are empty."""
    head = ["quality", *columns]
    for cells in (head, ["---:"] * len(head)):
        yield f"| {' | '.join(cells)} |"
    for quality, _ in at:
        values = [value_at(pairs, quality) for pairs in columns.values()]
        cells = [f"{quality:g}", *("" if v is None else f"{v:.1f}" for v in values)]
        yield f"| {' | '.join(cells)} |"


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
