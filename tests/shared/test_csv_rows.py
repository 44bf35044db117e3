"""CSV that a spreadsheet shows and does not run."""

import csv
import io

from shared.csv_rows import csv_row
from tests.support.cases import every_case


@every_case("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_would_be_a_formula_is_quoted(start: str) -> None:
    [row] = csv.reader(io.StringIO(csv_row([f"{start}1+1", "plain"]), newline=""))
    assert row == [f"'{start}1+1", "plain"]


def test_other_cells_stay_as_they_are() -> None:
    cells: list[str | float | None] = ["a=b", 'say "hi", twice', "中文", -12.5, 3, None, ""]
    assert csv_row(cells) == 'a=b,"say ""hi"", twice",中文,-12.5,3,,\r\n'
