"""The figures as tables for a terminal."""

from collections.abc import Iterator
from typing import Any


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """All tables of one run, without what was not measured."""
    yield from _heading(figures)
    yield from _comparisons(figures["comparisons"])
    yield from _parity(figures["parity"])
    if figures["resize"]:
        yield from _resize(figures["resize"])
    if figures["memory"]:
        yield from _memory(figures["memory"])


def _heading(figures: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{len(figures['pictures'])} pictures, {figures['megapixels']} megapixels, "
        f"{figures['cores']} cores, one thread each"
    )
    if figures["without_sharp"]:
        yield f"Only our own figures, without sharp's: {figures['without_sharp']}."


def _comparisons(rows: list[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield "At equal score, the first divided by the second; below 1 is less."
    yield f"  {'':<46} {'score':>5} {'bytes':>6} {'mean':>6} {'CPU':>6} {'pictures':>8}"
    for row in rows:
        title = f"{row['ours']} / {row['theirs']}"
        for at in row["at"]:
            yield (
                f"  {title:<46} {at['score']:>5g} {at['bytes_sum']:>6.3f} {at['bytes_mean']:>6.3f}"
                f" {at['cpu']:>6.3f} {at['pictures']:>8}"
            )
            title = ""


def _parity(parity: dict[str, Any]) -> Iterator[str]:
    if not parity["at"]:
        return
    yield ""
    yield "Mean score at one quality."
    columns = ("webp", "avif", "jpg", "turbo", "apart")
    yield "  quality" + "".join(f"{column:>8}" for column in columns)
    for row in parity["at"]:
        yield f"  {row['quality']:>7g}" + "".join(f"{row[column]:>8.2f}" for column in columns)


def _resize(resize: dict[str, Any]) -> Iterator[str]:
    width, height = resize["from"]
    yield ""
    yield f"JPEG of {width} x {height} decoded and resized to a width of {resize['to_width']}."
    for side, cpu in resize["cpu_seconds"].items():
        yield f"  {side:<6} {cpu:>7.3f} s CPU, score {resize['scores'][side]:.2f}"


def _memory(memory: dict[str, Any]) -> Iterator[str]:
    width, height = memory["from"]
    yield ""
    yield f"JPEG of {width} x {height} at full size: peak of resident memory, CPU."
    for format, sides in memory["formats"].items():
        for side, peak in sides.items():
            yield f"  {format:<5} {side:<6} {peak['peak'] / 1e6:>7.0f} MB {peak['cpu']:>8.2f} s"
