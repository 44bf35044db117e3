"""`make bench-codecs PHOTOS=folder`: figures as JSON and as a plot, and tables on stderr."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from infra.benchmarks.codecs import plot, tables
from infra.benchmarks.codecs.run import Plan, run
from shared.errors import OperatorError

_DEFAULTS = Plan(Path())


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--side", default=_DEFAULTS.side, help="Scale pictures to fit this many pixels; 0: full size."
)
@click.option("--limit", type=int, help="At most this many pictures, spread over the folder.")
@click.option("--step", default=_DEFAULTS.step, help="Between two measured qualities.")
@click.option("--target", "targets", type=float, multiple=True, default=_DEFAULTS.targets)
@click.option("--sharp", default=_DEFAULTS.sharp, type=click.Path(path_type=Path))
@click.option(
    "--sharp-effort",
    "sharp_efforts",
    type=click.IntRange(0, 9),
    multiple=True,
    default=_DEFAULTS.sharp_efforts,
    help="For sharp's AVIF.",
)
@click.option(
    "--all-efforts", is_flag=True, help="All of ours for webp, jpg and png too, not only for avif."
)
@click.option(
    "--megapixels", default=_DEFAULTS.megapixels, help="Size of the picture for memory; 0: none."
)
@click.option("--json", "out", default="docs/bench-codecs.json", help="- for standard output.")
@click.option("--plot", "image", default="docs/bench-codecs.png", help="Empty: no plot.")
def main(out: str, image: str, **plan: Any) -> None:
    """Compares the engine's encoders with sharp's over the photographs in FOLDER."""
    try:
        figures = run(Plan(**plan), progress)
    except OperatorError as error:
        sys.exit(error.message)
    if image:
        plot.draw(figures, Path(image))
    text = as_json(figures)
    if out == "-":
        print(text)
    else:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(text + "\n")
    for line in tables.lines(figures):
        progress(line)


def as_json(figures: dict[str, Any]) -> str:
    """One line per figure, so that the differences of a later run can be read."""
    rows = (f"{json.dumps(key)}: {json.dumps(_short(value))}" for key, value in figures.items())
    return "{\n" + ",\n".join(rows) + "\n}"


def _short(value: Any) -> Any:
    """The same with at most five decimals; no measurement here is more exact."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    return [_short(inner) for inner in value] if isinstance(value, list) else value


def progress(line: str) -> None:
    """Prints a line to stderr, because the JSON may go to standard output."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
