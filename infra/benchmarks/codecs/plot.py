"""Plots: bytes and CPU over the score for each format, and the quality curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_FORMATS = ("avif", "webp", "jpg")
_SCORES = (40, 95)  # the range that is used in practice


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """The benchmark's figures as a PNG: bits per pixel above, CPU seconds per megapixel below."""
    figure = Figure(figsize=(16, 8), layout="constrained")
    axes = figure.subplots(2, len(_FORMATS) + 1)
    for column, format in enumerate(_FORMATS):
        names = [name for name, its in figures["formats"].items() if its == format]
        _curves(axes[0][column], figures["means"], names, "bits_per_pixel")
        _curves(axes[1][column], figures["means"], names, "cpu_per_megapixel")
        axes[0][column].set_title(format)
        axes[0][column].legend(fontsize="small")
    names = [name for name, its in figures["formats"].items() if its == "png"]
    _bars(axes[0][-1], figures["means"], names, "bits_per_pixel")
    _bars(axes[1][-1], figures["means"], names, "cpu_per_megapixel")
    axes[0][-1].set_title("png (lossless)")
    axes[0][0].set_ylabel("bits per pixel")
    axes[1][0].set_ylabel("CPU seconds per megapixel")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def _curves(
    axes: Axes, means: Mapping[str, Sequence[Mapping[str, float]]], names: Sequence[str], what: str
) -> None:
    for name in names:
        rows = [row for row in means[name] if _SCORES[0] <= row["score"] <= _SCORES[1]]
        style = "-" if name.startswith("ours") else "--"
        scores, values = [row["score"] for row in rows], [row[what] for row in rows]
        axes.plot(scores, values, style, marker=".", label=name)
    axes.set_yscale("log")
    axes.set_xlabel("mean SSIMULACRA2")
    axes.grid(visible=True, which="both", alpha=0.3)


def _bars(
    axes: Axes, means: Mapping[str, Sequence[Mapping[str, float]]], names: Sequence[str], what: str
) -> None:
    axes.bar(names, [means[name][0][what] for name in names], width=0.5)
    axes.tick_params(axis="x", labelsize="small")


def draw_calibration(
    own: Mapping[str, Sequence[tuple[float, float]]],
    proof: Mapping[str, Sequence[tuple[float, float]]],
    target: Sequence[tuple[float, float]],
    path: Path,
) -> None:
    """The calibration as a PNG: score over each encoder's own quality, and over our quality."""
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, curves, title in (
        (left, own, "encoder quality"),
        (right, proof, "our quality"),
    ):
        axes.plot(*zip(*target, strict=True), "k--", label="libjpeg-turbo 4:2:0")
        for name, curve in curves.items():
            axes.plot(*zip(*curve, strict=True), marker=".", label=name)
        axes.set_xlabel(title)
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize="small")
    left.set_ylabel("mean SSIMULACRA2")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
