"""`make bench-codecs PHOTOS=folder`: figures as JSON and as a plot, tables on standard error."""

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
@click.option("--side", default=_DEFAULTS.side, help="Scale to fit so many pixels; 0: full size.")
@click.option("--limit", type=int, help="At most so many pictures, spread over the folder.")
@click.option("--step", default=_DEFAULTS.step, help="Between two of our qualities.")
@click.option("--target", "targets", type=float, multiple=True, default=_DEFAULTS.targets)
@click.option("--sharp", default=_DEFAULTS.sharp, type=click.Path(path_type=Path))
@click.option(
    "--sharp-effort",
    "sharp_efforts",
    type=click.IntRange(0, 9),
    multiple=True,
    default=_DEFAULTS.sharp_efforts,
    help="Of sharp's AVIF.",
)
@click.option("--all-efforts", is_flag=True, help="Ours of webp, jpg and png too, not avif's only.")
@click.option("--megapixels", default=_DEFAULTS.megapixels, help="Of the memory run; 0: none.")
@click.option("--json", "out", default="docs/bench-codecs.json", help="- is standard output.")
@click.option("--plot", "image", default="docs/bench-codecs.png", help="Empty for none.")
def main(out: str, image: str, **plan: Any) -> None:
    """The engine's encoders against sharp over the photographs in FOLDER."""
    try:
        figures = run(Plan(**plan), tell)
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
        tell(line)


def as_json(figures: dict[str, Any]) -> str:
    """One line a figure, so that a later run's differences can be read."""
    rows = (f"{json.dumps(key)}: {json.dumps(_short(value))}" for key, value in figures.items())
    return "{\n" + ",\n".join(rows) + "\n}"


def _short(value: Any) -> Any:
    """The same with five digits behind the point at most; no measurement here has more."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    return [_short(inner) for inner in value] if isinstance(value, list) else value


def tell(line: str) -> None:
    """Progress and tables, beside the JSON that may go to standard output."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
