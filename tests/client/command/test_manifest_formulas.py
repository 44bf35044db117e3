"""What the manifest and the archive quote against spreadsheets."""

from fluximage.command.manifest import FORMULA
from shared.csv_rows import FORMULA_STARTS


def test_the_client_and_the_service_quote_the_same_beginnings() -> None:
    assert FORMULA == FORMULA_STARTS
