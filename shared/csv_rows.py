"""CSV that is safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable

# With these a spreadsheet begins a formula (OWASP, "CSV Injection"); it skips tab and line breaks.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

START = "\ufeff"  # by this mark, at the start of a file, Excel knows that its text is UTF-8


def csv_row(cells: Iterable[str | float | None]) -> str:
    """Returns one line of a CSV file (RFC 4180). A text that a spreadsheet would run as a formula
    gets an apostrophe before it; numbers stay numbers, None is an empty cell.
    """
    line = io.StringIO()
    csv.writer(line).writerow([_safe(cell) for cell in cells])
    return line.getvalue()


def _safe(cell: str | float | None) -> str | float | None:
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell
