"""Numbers, durations and names as a person reads them."""

import unicodedata
from pathlib import Path


def size(count: float) -> str:
    """Bytes in decimal units: `182 kB`, `4.1 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.1f} {unit}" if count < 9.95 and unit != "B" else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def change(before: int, after: int) -> str:
    """How much smaller it became: `−96 %`; `+3 %` when it grew."""
    if not before:
        return "±0 %"
    percent = round(100 * (after - before) / before)
    return f"−{-percent} %" if percent < 0 else f"+{percent} %" if percent else "±0 %"


def duration(seconds: float) -> str:
    """`52 s`, `4 min 10 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def clock(seconds: float) -> str:
    """`0:00:21`, of a width that does not jump."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 image`, `1,204 images`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def shown(path: Path) -> str:
    """`path` as a person would type it: from the present folder, if it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def printable(text: str) -> str:
    """`text` for a terminal: a file's name or a server's sentence may hold escape sequences."""
    return "".join(
        char
        if char.isprintable() or unicodedata.category(char) == "Zs"
        else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
