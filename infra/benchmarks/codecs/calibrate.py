"""`make calibrate PHOTOS=folder`: the table of qualities, its plot and its page, all anew."""

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
from infra.benchmarks.codecs.native import ENCODERS
from infra.benchmarks.codecs.scale import Calibration, Pairs, calibrate
from infra.benchmarks.codecs.scoring import scorer
from shared.errors import OperatorError

_METHOD = (
    "mean SSIMULACRA2 of each encoder's own numbers over its pictures, inverted at the mean score "
    "of libjpeg-turbo 4:2:0 of the same quality"
)
_PACKAGES = ("pillow", "pillow-avif-plugin", "pyjpegli", "ssimulacra2")
_TURBO = "libjpeg-turbo"
_BEGIN, _END = "<!-- make calibrate: begin -->", "<!-- make calibrate: end -->"

_path = click.Path(path_type=Path)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--side", default=1024, help="Scale to fit so many pixels; 0: full size.")
@click.option("--limit", type=int, help="At most so many pictures, spread over the folder.")
@click.option("--step", default=4, help="Between two measured numbers.")
@click.option("--table", type=_path, default="workers/imaging/encoding/quality_table.py")
@click.option("--plot", "image", type=_path, default="docs/quality.png")
@click.option("--page", type=_path, default="docs/quality.md", help="What stands between its marks")
def main(
    folder: Path, side: int, limit: int | None, step: int, table: Path, image: Path, page: Path
) -> None:
    """The quality tables anew from the photographs in FOLDER."""
    try:
        photographs = pictures.load(folder, side, limit)
        with scorer() as judge:
            found = calibrate(ENCODERS, photographs, judge, step, _tell)
        about = _about(side, len(photographs))
        # The page first: it is the one that can be refused, and then nothing has changed.
        page.write_text(rewritten(page.read_text(), _section(found, about)))
    except OperatorError as error:
        sys.exit(error.message)
    table.write_text(as_python(found, about))
    before = {name: scale.curve for name, scale in found.scales.items()}
    plot.draw_scale(before, found.proof, found.target, image)
    _tell(f"At one quality the formats are {found.most_apart:.2f} points apart at most.")


def as_python(found: Calibration, about: Mapping[str, Any]) -> str:
    """The module that the engine takes its numbers from."""
    lines = [
        f'"""Written by `make calibrate` on {about["date"]}; docs/quality.md says how."""',
        "",
        "# By scale, the encoder's own number for each quality from 40 to 100.",
        "# fmt: off",
        "NUMBERS: dict[str, tuple[float, ...]] = {",
    ]
    for name, scale in found.scales.items():
        lines.append(f'    "{name}": (')
        lines += _wrapped(f"{number:.1f}," for _, number in scale.knots)
        lines.append("    ),")
    return "\n".join([*lines, "}", ""])


def _wrapped(words: Iterable[str]) -> list[str]:
    indent = " " * 8
    return fill(" ".join(words), 96, initial_indent=indent, subsequent_indent=indent).splitlines()


def rewritten(page: str, section: str) -> str:
    """The page with what stands between the two marks replaced; OperatorError without them."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise OperatorError(f"The page has no {_BEGIN} with an {_END} behind it")
    return f"{before}{begin}\n{section}\n{end}{after}"


def _about(side: int, count: int) -> dict[str, Any]:
    return {
        "method": _METHOD,
        "date": datetime.now(UTC).date().isoformat(),
        "pictures": count,
        "side": side,
        "versions": {name: version(name) for name in _PACKAGES},
    }


def _section(found: Calibration, about: Mapping[str, Any]) -> str:
    """What was measured, in Markdown: each encoder's number by quality, and the scores reached."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    size = f"at most {about['side']} pixels a side" if about["side"] else "full size"
    return "\n".join(
        [
            f"Measured on {about['date']} with {about['pictures']} pictures ({size}), {versions}.",
            "",
            "The number that each encoder gets:",
            "",
            *_rows({name: scale.knots for name, scale in found.scales.items()}, found.target),
            "",
            "Mean score of files encoded anew at these numbers, as far as each scale goes:",
            "",
            *_rows({_TURBO: found.target} | found.proof, found.proof[min(found.proof)]),
            "",
            f"At one quality the encoders are {found.most_apart:.2f} points apart at most.",
        ]
    )


def _rows(columns: Mapping[str, Pairs], at: Pairs) -> Iterator[str]:
    """A table with a row for each quality of `at`; an empty cell where a column does not go."""
    head = ["quality", *columns]
    for cells in (head, ["---:"] * len(head)):
        yield f"| {' | '.join(cells)} |"
    for quality, _ in at:
        values = [value_at(pairs, quality) for pairs in columns.values()]
        cells = [f"{quality:g}", *("" if v is None else f"{v:.1f}" for v in values)]
        yield f"| {' | '.join(cells)} |"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
